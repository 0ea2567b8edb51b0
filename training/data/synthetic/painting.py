"""One window of one frame: cast, shade, and smooth the edges.

Pixels whose neighbours show another solid get more rays (adaptive supersampling: four instead of
one), so thin poles and far fences look like a camera saw them. Ground truth is what the ray through
the pixel's centre meets.

Axes: n pixels of the window, row by row; r rays.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from training.data.synthetic.atlas import Atlas
from training.data.synthetic.light import Light
from training.data.synthetic.raycast import cast, local_rays
from training.data.synthetic.rays import Rays, pixel_rays, scattered_rays
from training.data.synthetic.shading import expose, shade, shade_sky
from training.data.synthetic.shadow import light_view, lit
from training.data.synthetic.solids import Solids
from training.data.synthetic.spans import Region, find_spans
from training.data.synthetic.surface import Surface, find_surface, sight_of
from training.data.synthetic.view import View

OFFSETS_PX = ((-0.375, -0.125), (0.125, -0.375), (0.375, 0.125), (-0.125, 0.375))
"""A rotated grid: no two samples share a row or a column."""
RAYS_AT_ONCE = 1 << 15  # as in raycast.py: stay in cache on a CPU
RAYS_AT_ONCE_GPU = 1 << 22


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One frame ready to be painted: the camera and everything in its place at that time."""

    view: View
    solids: Solids
    casters: Solids
    materials: Float[Tensor, "columns m"]
    light: Light
    atlas: Atlas


@dataclass(frozen=True, kw_only=True)
class Painting:
    """A window: its colours and what the centre of each pixel shows."""

    colour: Float[Tensor, "n 3"]
    """In [0, 255]."""
    rays: Rays
    depth_m: Float[Tensor, " n"]
    solid: Int64[Tensor, " n"]


def paint(stage: Stage, region: Region, device: torch.device) -> Painting:
    """Render one window of a frame."""
    view = stage.view
    rows, cols = region.rows + 2, region.cols + 2
    grown = Region(top=region.top - 1, left=region.left - 1, rows=rows, cols=cols)
    spans = find_spans(stage.solids, view, grown)
    hits = cast(pixel_rays(view, grown, device), view, stage.solids, stage.atlas, spans)
    solid = hits.solid.view(rows, cols)
    depth = hits.depth_m.view(rows, cols)[1:-1, 1:-1].reshape(-1)
    edge = _edges(solid).nonzero()[:, 0]
    solid = solid[1:-1, 1:-1].reshape(-1)
    rays = pixel_rays(view, region, device)
    # Edges are painted from their extra rays alone, all others from the ray through the centre.
    plain = torch.ones_like(solid, dtype=torch.bool).index_fill_(0, edge, False).nonzero()[:, 0]
    more, order = _extra_rays(rays, edge, view, grown)
    found = cast(more, view, stage.solids, stage.atlas, spans)
    linear = _shade_rays(
        stage,
        torch.cat([rays.x[plain], more.x]),
        torch.cat([rays.y[plain], more.y]),
        torch.cat([depth[plain], found.depth_m]),
        torch.cat([solid[plain], found.solid]),
    )
    colour = torch.empty(depth.shape[0], 3, device=device)
    colour[plain] = linear[: plain.shape[0]]
    extra = torch.empty_like(linear[plain.shape[0] :])
    extra[order] = linear[plain.shape[0] :]
    colour[edge] = extra.view(-1, len(OFFSETS_PX), 3).mean(1)
    return Painting(
        colour=expose(colour, stage.light.exposure), rays=rays, depth_m=depth, solid=solid
    )


def _extra_rays(
    rays: Rays, edge: Int64[Tensor, " e"], view: View, region: Region
) -> tuple[Rays, Int64[Tensor, " r"]]:
    """The rays around the centres of some pixels, and the order that sorted them."""
    offsets = torch.tensor(OFFSETS_PX, device=edge.device)
    px, py = view.principal_px
    x = (rays.x[edge] * view.focal_px + px)[:, None] + offsets[:, 0]
    y = (rays.y[edge] * view.focal_px + py)[:, None] + offsets[:, 1]
    return scattered_rays(view, x.view(-1), y.view(-1), region)


def _edges(solid: Int64[Tensor, "rows cols"]) -> Bool[Tensor, " n"]:
    """Inner pixels that show another solid than one of their four neighbours."""
    inner = solid[1:-1, 1:-1]
    edge = inner != solid[:-2, 1:-1]
    for neighbour in (solid[2:, 1:-1], solid[1:-1, :-2], solid[1:-1, 2:]):
        edge |= inner != neighbour
    return edge.reshape(-1)


def _shade_rays(
    stage: Stage, x: Tensor, y: Tensor, depth_m: Tensor, solid: Tensor
) -> Float[Tensor, "r 3"]:
    """Linear light along camera rays whose hits are known."""
    device, view = x.device, stage.view
    linear = torch.empty(x.shape[0], 3, device=device)
    met, sky = (solid >= 0).nonzero()[:, 0], (solid < 0).nonzero()[:, 0]
    local = local_rays(stage.solids, view, device)
    limit = RAYS_AT_ONCE if device.type == "cpu" else RAYS_AT_ONCE_GPU
    pieces = met.split(limit)
    surfaces = [
        find_surface(
            x=x[some],
            y=y[some],
            depth_m=depth_m[some],
            solid=solid[some],
            view=view,
            solids=stage.solids,
            local=local,
        )
        for some in pieces
    ]
    reached = _light_that_arrives(stage, surfaces)
    for some, surface, lit_here in zip(pieces, surfaces, reached, strict=True):
        linear[some] = shade(
            surface,
            lit_here,
            depth_m[some],
            stage.materials,
            stage.light,
            stage.atlas,
            focal_px=view.focal_px,
        )
    for some in sky.split(limit):
        linear[some] = shade_sky(sight_of(view, x[some], y[some]), stage.light, stage.atlas)
    return linear


def _light_that_arrives(stage: Stage, surfaces: list[Surface]) -> tuple[Tensor, ...]:
    """Whether the key light reaches each point: one pass over the solids for all pieces."""
    if len(surfaces) == 0:
        return ()
    points = [torch.cat([surface.point[i] for surface in surfaces]) for i in range(3)]
    normals = [torch.cat([surface.normal[i] for surface in surfaces]) for i in range(3)]
    reached = lit(
        (points[0], points[1], points[2]),
        (normals[0], normals[1], normals[2]),
        light_view(stage.light, stage.view.position),
        stage.casters,
        stage.atlas,
    )
    pieces: tuple[Tensor, ...] = reached.split([len(surface.facing) for surface in surfaces])
    return pieces
