"""Exact ground truth of a pair: where each surface point goes, and whether it is still seen there.

Axes: n pixels of frame 1, b rigid bodies.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from numpy.typing import NDArray
from torch import Tensor

from training.data.synthetic.atlas import Atlas
from training.data.synthetic.raycast import cast
from training.data.synthetic.rays import scattered_rays
from training.data.synthetic.solids import Solids
from training.data.synthetic.view import NEAR_M, View

SLACK = 2e-4  # relative difference in depth below which two surfaces are the same one


def follow(
    *,
    x: Float[Tensor, " n"],
    y: Float[Tensor, " n"],
    depth_m: Float[Tensor, " n"],
    body: Int64[Tensor, " n"],
    view: View,
    next_view: View,
    motions: NDArray[np.float64],
) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"], Float[Tensor, " n"]]:
    """Points of frame 1 in frame 2: x, y in px, depth in m. Infinitely far: only rotation counts.

    Points that come to lie behind the camera get NaN positions.
    """
    # camera 1 -> world -> moved -> camera 2, as one 3 x 4 matrix per body.
    rotation = next_view.rotation @ motions[:, :, :3] @ view.rotation.T
    moved = np.einsum("bij,j->bi", motions[:, :, :3], view.position) + motions[:, :, 3]
    shift = (moved - next_view.position) @ next_view.rotation.T
    far = torch.isinf(depth_m)
    near_side = torch.where(far, 0.0, depth_m.reciprocal())
    table = torch.from_numpy(np.concatenate([rotation, shift[:, :, None]], axis=2)).to(x.device)
    # In float64: a pixel that moves by 1e-3 of itself at x = 2000 is all of float32's digits.
    x64, y64, w64 = x.double(), y.double(), near_side.double()
    rows = []
    moves = body > 0
    some = moves.nonzero()[:, 0]
    for i in range(3):
        a = table[0, i].tolist()
        row = x64 * a[0] + y64 * a[1] + w64 * a[3] + a[2]
        if some.shape[0] > 0:
            b = table[:, i].index_select(0, body[some])
            row[some] = x64[some] * b[:, 0] + y64[some] * b[:, 1] + b[:, 2] + w64[some] * b[:, 3]
        rows.append(row)
    px, py = next_view.principal_px
    scale = rows[2]  # depth in frame 2 over depth in frame 1
    next_depth = torch.where(far, depth_m.double(), scale * depth_m)
    seen = (scale > 0) & (next_depth > NEAR_M)
    inverse = torch.where(seen, scale.reciprocal(), torch.nan)
    return (
        rows[0] * inverse * next_view.focal_px + px,
        rows[1] * inverse * next_view.focal_px + py,
        next_depth.float(),
    )


def find_occluded(
    *,
    x_px: Tensor,
    y_px: Tensor,
    depth_m: Float[Tensor, " n"],
    canvas: tuple[int, int],
    next_view: View,
    next_solids: Solids,
    atlas: Atlas,
) -> Bool[Tensor, " n"]:
    """Whether a point at (x, y) of frame 2 is outside of the canvas or behind another surface."""
    height, width = canvas
    inside = (x_px >= 0) & (x_px < width) & (y_px >= 0) & (y_px < height)
    occluded = ~inside
    index = inside.nonzero()[:, 0]
    rays, order = scattered_rays(next_view, x_px[index].float(), y_px[index].float())
    index = index[order]
    hits = cast(rays, next_view, next_solids, atlas)
    depth = depth_m[index]
    limit = torch.where(torch.isinf(depth), depth, depth * (1 - SLACK) - 1e-4)
    occluded[index] = hits.depth_m < limit
    return occluded
