"""Where a solid can be seen: for each row of pixels, the columns its silhouette may cover.

Conservative: a span may be too long, never too short. What makes rendering cheap: rays are tested
only against solids whose span holds them, and only inside of the window asked for.

Axes: n solids, e edges, s spans. Computed in NumPy float64, the same on any machine.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.data.synthetic.solids import Shape, Solids
from training.data.synthetic.view import NEAR_M, View

CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=float)
EDGES = np.array(
    [(a, b) for a in range(8) for b in range(a + 1, 8) if np.sum(CORNERS[a] != CORNERS[b]) == 1]
)
MARGIN_PX = 1e-3  # against rounding: rays are float32


@dataclass(frozen=True, kw_only=True)
class Region:
    """Rows and columns of cells, one pixel each, whose top-left corner is (top, left)."""

    top: int
    left: int
    rows: int
    cols: int


@dataclass(frozen=True, kw_only=True)
class Spans:
    """s runs of cells, ordered by solid: row `row`, columns first to last of a region."""

    solid: NDArray[np.int64]
    row: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]


def find_spans(solids: Solids, view: View, region: Region) -> Spans:
    """The cells of the region in which rays may meet each solid."""
    near_by = np.flatnonzero(_may_be_seen(solids, view, region))
    solids = solids.subset(near_by)
    centre = view.to_camera(solids.centre)
    stretch = view.rotation @ (solids.axes * solids.half[:, None, :])
    low, high, ends, crossing = _polygon_bounds(solids, centre, stretch, view)
    is_ball = (solids.shape == Shape.BALL) | (solids.shape == Shape.CROWN)
    middle, spread, is_ball = _ellipses(centre, stretch, view, is_ball)
    reach = np.sqrt(np.maximum(np.stack([spread[:, 0], spread[:, 2]], 1), 0.0))
    low = np.where(is_ball[:, None], middle - reach, low) - MARGIN_PX
    high = np.where(is_ball[:, None], middle + reach, high) + MARGIN_PX

    first_row = np.floor(np.clip(low[:, 1] - region.top, 0, region.rows)).astype(np.int64)
    last_row = np.ceil(np.clip(high[:, 1] - region.top, 0, region.rows)).astype(np.int64)
    outside = (high[:, 0] < region.left) | (low[:, 0] > region.left + region.cols)
    num_rows = np.where(outside, 0, np.maximum(last_row - first_row, 0))
    solid = np.repeat(np.arange(len(solids)), num_rows)
    start = np.cumsum(num_rows) - num_rows
    row = np.arange(len(solid)) - start[solid] + first_row[solid]
    top = (row + region.top).astype(float)

    left, right = low[solid, 0], high[solid, 0]
    balls = np.flatnonzero(is_ball[solid])
    left[balls], right[balls] = _ellipse_span(
        middle[solid[balls]], spread[solid[balls]], top[balls]
    )
    polygons = np.flatnonzero(~is_ball[solid] & ~crossing[solid])
    left[polygons], right[polygons] = _edge_span(ends, solid[polygons], top[polygons])

    first = np.clip(np.floor(left - MARGIN_PX) - region.left, 0, region.cols).astype(np.int64)
    last = np.clip(np.ceil(right + MARGIN_PX) - region.left, 0, region.cols).astype(np.int64)
    keep = last > first
    return Spans(solid=near_by[solid[keep]], row=row[keep], first=first[keep], last=last[keep])


def _may_be_seen(solids: Solids, view: View, region: Region) -> NDArray[np.bool_]:
    """A cheap first answer from the ball around each solid: most of a street is elsewhere."""
    centre = view.to_camera(solids.centre)
    radius = np.sqrt((solids.half**2).sum(axis=1)) + 1e-3
    seen = np.ones(len(solids), dtype=np.bool_)
    starts = (region.left, region.top)
    for axis, (start, count) in enumerate(zip(starts, (region.cols, region.rows), strict=True)):
        low = (start - 1 - view.principal_px[axis]) / view.focal_px
        high = (start + count + 1 - view.principal_px[axis]) / view.focal_px
        if view.parallel:
            seen &= (centre[:, axis] + radius > low) & (centre[:, axis] - radius < high)
            continue
        # Signed distances to the planes through the eye and the region's borders.
        seen &= centre[:, axis] - low * centre[:, 2] > -radius * np.hypot(1, low)
        seen &= centre[:, axis] - high * centre[:, 2] < radius * np.hypot(1, high)
    return seen if view.parallel else seen & (centre[:, 2] + radius > NEAR_M)


def _polygon_bounds(
    solids: Solids, centre: NDArray[np.float64], stretch: NDArray[np.float64], view: View
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Bounds (n, 2) low and high, edge ends (n, e, 4), in px; what crosses the near plane."""
    flat = np.isin(solids.shape, (Shape.QUAD, Shape.GRILLE))
    depth_of_corner = np.where(flat[:, None], 0.0, CORNERS[None, :, 2])
    local = np.broadcast_to(CORNERS, (len(solids), 8, 3)).copy()
    local[..., 2] = depth_of_corner
    corners = np.einsum("nij,nkj->nki", stretch, local) + centre[:, None]
    a, b = corners[:, EDGES[:, 0]], corners[:, EDGES[:, 1]]
    near = -np.inf if view.parallel else NEAR_M
    behind_a, behind_b = a[..., 2] < near, b[..., 2] < near
    gone = behind_a & behind_b
    if not view.parallel:
        step = b[..., 2] - a[..., 2]
        share = (near - a[..., 2]) / np.where(step == 0.0, 1.0, step)
        cut = a + share[..., None] * (b - a)
        cut[..., 2] = near
        a = np.where(behind_a[..., None], cut, a)
        b = np.where(behind_b[..., None], cut, b)
        a[..., 2][gone] = b[..., 2][gone] = 1.0
    ends = np.concatenate([view.project(a), view.project(b)], axis=-1)
    # An edge that is not seen turns its bounds inside out, so it never widens anything.
    low = np.where(gone[..., None], np.inf, np.minimum(ends[..., :2], ends[..., 2:])).min(axis=1)
    high = np.where(gone[..., None], -np.inf, np.maximum(ends[..., :2], ends[..., 2:])).max(axis=1)
    crossing: NDArray[np.bool_] = (behind_a | behind_b).any(axis=1)
    hidden = gone.all(axis=1)
    low[hidden], high[hidden] = np.inf, -np.inf
    return np.clip(low, -1e7, 1e7), np.clip(high, -1e7, 1e7), ends, crossing


def _ellipses(
    centre: NDArray[np.float64],
    stretch: NDArray[np.float64],
    view: View,
    is_ball: NDArray[np.bool_],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Silhouettes of ellipsoids: middle (n, 2) px, spread xx, xy, yy (n, 3) px^2, where they apply.

    The dual conic of the silhouette is B - c c^T with B = A A^T (Hartley and Zisserman 2004, 8.3):
    an ellipse as long as the whole ellipsoid is in front of the camera.
    """
    square = stretch @ np.swapaxes(stretch, 1, 2)
    if view.parallel:
        middle, spread = centre[:, :2], square[:, (0, 0, 1), (0, 1, 1)]
    else:
        dual = square - centre[:, :, None] * centre[:, None, :]
        is_ball = is_ball & (centre[:, 2] - np.sqrt(square[:, 2, 2]) > NEAR_M)
        dual = dual / np.where(is_ball, dual[:, 2, 2], 1.0)[:, None, None]
        middle = dual[:, :2, 2]
        spread = middle[:, (0, 0, 1)] * middle[:, (0, 1, 1)] - dual[:, (0, 0, 1), (0, 1, 1)]
    return (
        middle * view.focal_px + np.asarray(view.principal_px),
        spread * view.focal_px**2,
        is_ball,
    )


def _ellipse_span(
    middle: NDArray[np.float64], spread: NDArray[np.float64], top: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Columns in px that an ellipse may cover between the heights `top` and `top` + 1."""
    xx, xy, yy = spread.T
    yy = np.maximum(yy, 1e-12)
    slope = xy / yy
    upper = np.maximum(top - middle[:, 1], -np.sqrt(yy))
    lower = np.minimum(top + 1 - middle[:, 1], np.sqrt(yy))
    nearest = np.where((upper < 0) & (lower > 0), 0.0, np.minimum(abs(upper), abs(lower)))
    width = np.sqrt(np.maximum((xx - xy * slope) * (1 - nearest**2 / yy), 0.0))
    shift = np.stack([slope * upper, slope * lower])
    return middle[:, 0] + shift.min(axis=0) - width, middle[:, 0] + shift.max(axis=0) + width


def _edge_span(
    ends: NDArray[np.float64], solid: NDArray[np.int64], top: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Columns in px between the leftmost and rightmost edges at the heights `top` to `top` + 1."""
    swap = ends[..., 1:2] > ends[..., 3:4]
    ends = np.where(swap, ends[..., [2, 3, 0, 1]], ends)  # from the upper to the lower end
    rise = ends[..., 3] - ends[..., 1]
    level = rise < 1e-9
    slope = np.where(level, 0.0, (ends[..., 2] - ends[..., 0]) / np.where(level, 1.0, rise))
    xa, ya, xb, yb, slope, level = (
        value[solid] for value in (*np.moveaxis(ends, -1, 0), slope, level)
    )
    upper = np.maximum(ya, top[:, None] - MARGIN_PX)
    lower = np.minimum(yb, top[:, None] + 1 + MARGIN_PX)
    x1 = xa + (upper - ya) * slope
    x2 = np.where(level, xb, xa + (lower - ya) * slope)
    missed = upper > lower
    left = np.where(missed, np.inf, np.minimum(x1, x2)).min(axis=1)
    right = np.where(missed, -np.inf, np.maximum(x1, x2)).max(axis=1)
    return np.clip(left, -1e7, 1e7), np.clip(right, -1e7, 1e7)
