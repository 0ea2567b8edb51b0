"""Casting many rays of one view at many solids: the nearest solid of each ray.

Rays lie in cells of one pixel. A solid's spans (spans.py) are runs of cells; with rays stored cell
after cell, the rays of a run are a slice, so all (ray, solid) pairs that could meet are listed
without a search and intersected together. Cost: the area that solids cover, not rays times solids.

Axes: n rays, p pairs, m solids.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64
from numpy.typing import NDArray
from torch import Tensor

from training.data.synthetic.atlas import Atlas
from training.data.synthetic.intersection import (
    FAR,
    Vector,
    meet_ball,
    meet_box,
    meet_cone,
    meet_quad,
)
from training.data.synthetic.mapping import across_and_up
from training.data.synthetic.rays import Rays
from training.data.synthetic.solids import Shape, Solids
from training.data.synthetic.spans import Spans, find_spans
from training.data.synthetic.view import View

PAIRS_AT_ONCE = 1 << 16  # on a CPU the working set stays in cache; on a GPU one step would do
PAIRS_AT_ONCE_GPU = 1 << 24
NOTHING = (1 << 63) - 1


@dataclass(frozen=True, kw_only=True)
class Hits:
    """What each ray meets first."""

    depth_m: Float[Tensor, " n"]
    """Along the optical axis (parallel views: along the ray); infinity where nothing is met."""
    solid: Int64[Tensor, " n"]
    """Index of the solid, -1 where nothing is met."""


@dataclass(frozen=True, kw_only=True)
class LocalRays:
    """The rays of a view in the local frame of every solid, as linear functions of (x, y).

    Column i of `across`, `down`, `along`, each (3, m): a ray through (x, y) in camera units has the
    local direction across x + down y + along and the origin `origin`. Parallel views: the
    direction is `along`, and the origin moves instead.
    """

    origin: Float[Tensor, "3 m"]
    across: Float[Tensor, "3 m"]
    down: Float[Tensor, "3 m"]
    along: Float[Tensor, "3 m"]
    parallel: bool

    def of(
        self, solid: Int64[Tensor, " p"], x: Float[Tensor, " p"], y: Float[Tensor, " p"]
    ) -> tuple[Vector, Vector]:
        """Origins and directions of rays through (x, y), each for its own solid."""
        fixed, moving = (self.along, self.origin) if self.parallel else (self.origin, self.along)
        still, turning = [], []
        for i in range(3):
            still.append(fixed[i].index_select(0, solid))
            value = moving[i].index_select(0, solid)
            value = value.addcmul_(self.across[i].index_select(0, solid), x)
            turning.append(value.addcmul_(self.down[i].index_select(0, solid), y))
        a, b = (still[0], still[1], still[2]), (turning[0], turning[1], turning[2])
        return (b, a) if self.parallel else (a, b)


def local_rays(solids: Solids, view: View, device: torch.device) -> LocalRays:
    """How rays of the view look to each solid."""
    to_local = solids.to_local()
    directions = np.moveaxis(to_local @ view.rotation.T, 0, 2)  # (3 local, 3 camera, m)
    origin = np.einsum("nij,nj->in", to_local, view.position - solids.centre)
    table = torch.from_numpy(
        np.concatenate([origin[:, None], directions], axis=1).astype(np.float32)
    ).to(device)
    return LocalRays(
        origin=table[:, 0].contiguous(),
        across=table[:, 1].contiguous(),
        down=table[:, 2].contiguous(),
        along=table[:, 3].contiguous(),
        parallel=view.parallel,
    )


def cast(rays: Rays, view: View, solids: Solids, atlas: Atlas, spans: Spans | None = None) -> Hits:
    """The nearest solid that each ray of the view meets; `spans` if they are known already."""
    device = rays.x.device
    best = torch.full((len(rays) + 1,), NOTHING, device=device)
    if len(rays) > 0 and len(solids) > 0:
        spans = spans or find_spans(solids, view, rays.region)
        first, count = rays.slices(spans)
        pieces = _Pieces.of(solids, local_rays(solids, view, device), device)
        solid = torch.from_numpy(spans.solid).to(device)
        shapes = solids.shape[spans.solid]
        ends = torch.cumsum(count, 0).cpu().numpy()
        limit = PAIRS_AT_ONCE if device.type == "cpu" else PAIRS_AT_ONCE_GPU
        for shape in Shape:
            begin, end = np.searchsorted(shapes, [shape, shape + 1])
            while begin < end:
                done = ends[begin - 1] if begin > 0 else 0
                stop = min(max(int(np.searchsorted(ends, done + limit)), begin + 1), end)
                some = slice(int(begin), int(stop))
                index, pair_solid = _pairs(first[some], count[some], solid[some])
                t = pieces.meet(shape, rays, index, pair_solid, atlas)
                _keep_nearest(best, index, pair_solid, t)
                begin = stop
    best = best[:-1]
    found = best != NOTHING
    depth = (best >> 32).to(torch.int32).view(torch.float32)
    return Hits(
        depth_m=depth.masked_fill(~found, FAR),
        solid=(best & 0xFFFFFFFF).masked_fill(~found, -1),
    )


def _pairs(
    first: Int64[Tensor, " s"], count: Int64[Tensor, " s"], solid: Int64[Tensor, " s"]
) -> tuple[Int64[Tensor, " p"], Int64[Tensor, " p"]]:
    """All (ray, solid) pairs of some spans: ray index, solid index."""
    shift = first - (torch.cumsum(count, 0) - count)
    packed = torch.repeat_interleave(torch.stack([shift, solid], 1), count, dim=0)
    index = packed[:, 0] + torch.arange(len(packed), device=packed.device)
    return index, packed[:, 1].contiguous()


def _keep_nearest(best: Tensor, index: Tensor, solid: Tensor, t: Tensor) -> None:
    # Positive floats sort like their bits, so one integer minimum finds depth and solid together,
    # and ties go to the lower index on any machine.
    key = (t.view(torch.int32).long() << 32) | solid
    met = t < FAR
    key = torch.where(met, key, NOTHING)
    best.scatter_reduce_(0, index, key, "amin")


@dataclass(frozen=True, kw_only=True)
class _Pieces:
    """What intersection needs of the solids, as tensors."""

    local: LocalRays
    taper: Float[Tensor, " m"]
    hole_layer: Int64[Tensor, " m"]
    half: Float[Tensor, "3 m"]
    hole_rate: Float[Tensor, "2 m"]

    @staticmethod
    def of(solids: Solids, local: LocalRays, device: torch.device) -> "_Pieces":
        def to_device(values: NDArray[np.float32] | NDArray[np.int64]) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(values)).to(device)

        return _Pieces(
            local=local,
            taper=to_device(solids.taper.astype(np.float32)),
            hole_layer=to_device(solids.hole_layer),
            half=to_device(solids.half.T.astype(np.float32)),
            hole_rate=to_device((1.0 / solids.hole_period).T.astype(np.float32)),
        )

    def meet(self, shape: Shape, rays: Rays, index: Tensor, solid: Tensor, atlas: Atlas) -> Tensor:
        """Depth at which ray `index` meets its solid, infinity where it does not."""
        x, y = rays.x.index_select(0, index), rays.y.index_select(0, index)
        o, d = self.local.of(solid, x, y)
        if shape is Shape.BOX:
            return meet_box(o, d)
        if shape is Shape.BALL:
            return meet_ball(o, d)[0]
        if shape is Shape.CONE:
            return meet_cone(o, d, self.taper.index_select(0, solid))
        if shape is Shape.QUAD:
            return meet_quad(o, d, self.taper.index_select(0, solid))
        if shape is Shape.GRILLE:
            t = meet_quad(o, d, self.taper.index_select(0, solid))
            return self._through_holes(t, o, d, solid, atlas, flat=True)
        near, far = meet_ball(o, d)
        near = self._through_holes(near, o, d, solid, atlas, flat=False)
        if self.local.parallel:  # shadows: what falls through the front may light the ground
            return near
        far = self._through_holes(far, o, d, solid, atlas, flat=False)
        return torch.minimum(near, far)

    def _through_holes(
        self, t: Tensor, o: Vector, d: Vector, solid: Tensor, atlas: Atlas, *, flat: bool
    ) -> Tensor:
        """The same depths, infinity where the ray falls through a hole."""
        p = [torch.addcmul(oi, di, t) for oi, di in zip(o, d, strict=True)]
        if flat:
            p[2] = torch.full_like(t, 2.0)  # a quad has one face only
        half = [h.index_select(0, solid) for h in self.half]
        across, up, _, _ = across_and_up(p[0], p[1], p[2], half[0], half[1], half[2])
        u = across * self.hole_rate[0].index_select(0, solid)
        v = up * self.hole_rate[1].index_select(0, solid)
        # Rays that miss have no (u, v); what they look up does not matter.
        is_solid = atlas.solid_at(self.hole_layer.index_select(0, solid), u, v)
        return torch.where(is_solid, t, FAR)
