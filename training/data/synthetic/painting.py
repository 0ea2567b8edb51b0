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
from training.data.synthetic.raycast import LocalRays, cast, local_rays
from training.data.synthetic.rays import Rays, pixel_rays, scattered_rays
from training.data.synthetic.shading import expose, shade, shade_sky
from training.data.synthetic.shadow import light_view, lit
from training.data.synthetic.solids import Solids
from training.data.synthetic.spans import Region
from training.data.synthetic.surface import find_surface, sight_of
from training.data.synthetic.view import View

OFFSETS_PX = ((-0.375, -0.125), (0.125, -0.375), (0.375, 0.125), (-0.125, 0.375))
"""A rotated grid: no two samples share a row or a column."""
RAYS_AT_ONCE = 1 << 17  # as in raycast.py: stay in cache on a CPU
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
    local = local_rays(stage.solids, view, device)
    rows, cols = region.rows + 2, region.cols + 2
    grown = Region(top=region.top - 1, left=region.left - 1, rows=rows, cols=cols)
    hits = cast(pixel_rays(view, grown, device), view, stage.solids, stage.atlas)
    solid = hits.solid.view(rows, cols)
    depth = hits.depth_m.view(rows, cols)[1:-1, 1:-1].reshape(-1)
    edge = _edges(solid)
    solid = solid[1:-1, 1:-1].reshape(-1)
    rays = pixel_rays(view, region, device)
    linear = _shade_rays(stage, local, rays.x, rays.y, depth, solid)

    edge_index = edge.nonzero()[:, 0]
    if edge_index.shape[0] > 0:
        offsets = torch.tensor(OFFSETS_PX, device=device) / view.focal_px
        x = (rays.x[edge_index][:, None] + offsets[:, 0]).view(-1)
        y = (rays.y[edge_index][:, None] + offsets[:, 1]).view(-1)
        px, py = view.principal_px
        more, order = scattered_rays(view, x * view.focal_px + px, y * view.focal_px + py)
        found = cast(more, view, stage.solids, stage.atlas)
        extra = _shade_rays(stage, local, more.x, more.y, found.depth_m, found.solid)
        back = torch.empty_like(extra).index_copy_(0, order, extra)
        linear[edge_index] = back.view(-1, len(OFFSETS_PX), 3).mean(1)
    colour = expose(linear, stage.light.exposure)
    return Painting(colour=colour, rays=rays, depth_m=depth, solid=solid)


def _edges(solid: Int64[Tensor, "rows cols"]) -> Bool[Tensor, " n"]:
    """Inner pixels that show another solid than one of their four neighbours."""
    inner = solid[1:-1, 1:-1]
    edge = inner != solid[:-2, 1:-1]
    for neighbour in (solid[2:, 1:-1], solid[1:-1, :-2], solid[1:-1, 2:]):
        edge |= inner != neighbour
    return edge.reshape(-1)


def _shade_rays(
    stage: Stage, local: LocalRays, x: Tensor, y: Tensor, depth_m: Tensor, solid: Tensor
) -> Float[Tensor, "r 3"]:
    """Linear light along camera rays whose hits are known."""
    device = x.device
    linear = torch.empty(x.shape[0], 3, device=device)
    key_view = light_view(stage.light, stage.view.position)
    limit = RAYS_AT_ONCE if device.type == "cpu" else RAYS_AT_ONCE_GPU
    for begin in range(0, x.shape[0], limit):
        some = slice(begin, begin + limit)
        met = (solid[some] >= 0).nonzero()[:, 0] + begin
        sky = (solid[some] < 0).nonzero()[:, 0] + begin
        surface = find_surface(
            x=x[met],
            y=y[met],
            depth_m=depth_m[met],
            solid=solid[met],
            view=stage.view,
            solids=stage.solids,
            local=local,
        )
        linear[met] = shade(
            surface,
            lit(surface.point, surface.normal, key_view, stage.casters, stage.atlas),
            depth_m[met],
            stage.materials,
            stage.light,
            stage.atlas,
            focal_px=stage.view.focal_px,
        )
        if sky.shape[0] > 0:
            linear[sky] = shade_sky(sight_of(stage.view, x[sky], y[sky]), stage.light, stage.atlas)
    return linear
