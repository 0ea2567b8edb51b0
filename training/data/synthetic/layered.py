"""Pairs of flat, textured, moving layers with exact flow: what makes flow transfer to real images.

After FlyingChairs (arXiv 1504.06852): photographs as background, shapes that move over it. Each
window is rendered alone, from the canvas positions of its own pixels.

Axes: n windows, h w pixels of a window.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from torch import Tensor

from training.data.sample import Cut
from training.data.synthetic.homography import apply, inverse
from training.data.synthetic.layers import Layer, build_layers
from training.data.synthetic.texture import Photographs

MIN_FACTOR = 0.05  # of a homography: what comes this close to the camera's plane has no flow


def render_pair(
    seed: int,
    *,
    canvas: tuple[int, int],
    origins: Sequence[tuple[int, int]],
    window: tuple[int, int],
    next_origins: Sequence[tuple[int, int]] | None = None,
    next_window: tuple[int, int] | None = None,
    photographs: Photographs = (),
    device: str = "cpu",
) -> Cut:
    """Windows of one random pair.

    Args:
        seed: the same everywhere gives the same pair.
        canvas: (height, width) in px; motion grows with the width.
        origins: top-left corner (y, x) of each window of frame 1.
        window: (height, width) in px.
        next_origins: the same for frame 2; None = `origins`.
        next_window: (height, width) in px of frame 2's windows; None = `window`.
        photographs: (h, w, 3) uint8 RGB, pieces of which become textures.
        device: where to render.

    Returns:
        Colours without noise or blur. Flow is known wherever a point stays before the camera.
    """
    rng = np.random.default_rng([seed, 11])
    layers = build_layers(rng, canvas, photographs, device=torch.device(device))
    return render_layers(
        layers,
        name=f"layered-{seed}",
        canvas=canvas,
        origins=origins,
        window=window,
        next_origins=next_origins,
        next_window=next_window,
        device=device,
    )


def render_layers(
    layers: Sequence[Layer],
    *,
    name: str,
    canvas: tuple[int, int],
    origins: Sequence[tuple[int, int]],
    window: tuple[int, int],
    next_origins: Sequence[tuple[int, int]] | None = None,
    next_window: tuple[int, int] | None = None,
    device: str = "cpu",
) -> Cut:
    """Windows of given layers, back to front. Arguments as in `render_pair`."""
    after = origins if next_origins is None else next_origins
    firsts, seconds, flows, hiddens = [], [], [], []
    for origin, next_origin in zip(origins, after, strict=True):
        points = _pixels(origin, window, device)
        colours, top = _paint(layers, points, frame=1)
        flow, hidden = _truth(layers, points, top, canvas)
        firsts.append(colours)
        flows.append(flow.cpu().numpy())
        hiddens.append(hidden.cpu().numpy())
        next_points = _pixels(next_origin, next_window or window, device)
        seconds.append(_paint(layers, next_points, frame=2)[0])
    return Cut(
        name=name,
        canvas=canvas,
        origins=np.array(origins, np.int64),
        image=_bytes(firsts),
        next_origins=np.array(after, np.int64),
        next_image=_bytes(seconds),
        flow=np.stack(flows),
        occluded=np.stack(hiddens),
    )


def _pixels(
    origin: tuple[int, int], window: tuple[int, int], device: str
) -> Float[Tensor, "h w 2"]:
    y = torch.arange(window[0], device=device) + (origin[0] + 0.5)
    x = torch.arange(window[1], device=device) + (origin[1] + 0.5)
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)


def _paint(
    layers: Sequence[Layer], points: Float[Tensor, "h w 2"], *, frame: int
) -> tuple[Float[Tensor, "h w 3"], Int[Tensor, "h w"]]:
    """Colours, and the number of the layer on top of each pixel."""
    colours = points.new_zeros((*points.shape[:2], 3))
    top = torch.zeros(points.shape[:2], dtype=torch.long, device=points.device)
    for number, layer in enumerate(layers):
        rows, cols = _reach(layer, points, frame)
        if rows.start >= rows.stop or cols.start >= cols.stop:
            continue
        here = points[rows, cols]
        before = here
        in_front = torch.ones_like(here[..., 0], dtype=torch.bool)
        if frame == 2:
            before, factor = apply(inverse(layer.motion), here)
            in_front = factor > 0
        cover = _cover(layer, before) * in_front
        colours[rows, cols] += cover[..., None] * (layer.texture.at(before) - colours[rows, cols])
        top[rows, cols] = torch.where(cover > 0.5, number, top[rows, cols])
    return colours, top


def _cover(layer: Layer, points: Float[Tensor, "... 2"]) -> Float[Tensor, "..."]:
    """Share of each pixel that the layer covers, in [0, 1]."""
    if layer.outline is None:
        return torch.ones_like(points[..., 0])
    return (0.5 - layer.outline.distance(points)).clamp(0, 1)


def _reach(layer: Layer, points: Float[Tensor, "h w 2"], frame: int) -> tuple[slice, slice]:
    """Rows and columns of the window that the layer can touch."""
    h, w = points.shape[:2]
    if layer.outline is None:
        return slice(0, h), slice(0, w)
    left, top, right, bottom = layer.outline.box()
    if frame == 2:
        corners = torch.tensor([[left, top], [right, top], [right, bottom], [left, bottom]])
        moved, factor = apply(layer.motion, corners.double())
        if bool((factor <= MIN_FACTOR).any()):
            return slice(0, h), slice(0, w)  # it passes the camera: its box says nothing
        (left, top), (right, bottom) = moved.amin(0).tolist(), moved.amax(0).tolist()
    x0, y0 = (float(v) for v in points[0, 0])
    rows = slice(max(int(top - y0) - 2, 0), min(int(bottom - y0) + 3, h))
    cols = slice(max(int(left - x0) - 2, 0), min(int(right - x0) + 3, w))
    return rows, cols


def _truth(
    layers: Sequence[Layer],
    points: Float[Tensor, "h w 2"],
    top: Int[Tensor, "h w"],
    canvas: tuple[int, int],
) -> tuple[Float[Tensor, "h w 2"], Bool[Tensor, "h w"]]:
    """Flow of the top layer, and whether the point is hidden or outside in frame 2."""
    target = torch.full_like(points, torch.nan)
    for number, layer in enumerate(layers):
        on_top = top == number
        moved, factor = apply(layer.motion, points[on_top])
        target[on_top] = torch.where((factor > MIN_FACTOR)[:, None], moved, torch.nan)
    x, y = target[..., 0], target[..., 1]
    seen = (x >= 0) & (x < canvas[1]) & (y >= 0) & (y < canvas[0])
    for number, layer in enumerate(layers):
        below = seen & (top < number)
        before, factor = apply(inverse(layer.motion), target[below])
        seen[below] = (_cover(layer, before) <= 0.5) | (factor <= 0)
    return target - points, ~seen


def _bytes(frames: Sequence[Float[Tensor, "h w 3"]]) -> NDArray[np.uint8]:
    stacked = torch.stack(list(frames)).round().clamp(0, 255).byte()
    return np.asarray(stacked.cpu().numpy())
