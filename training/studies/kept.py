"""What a method keeps of a canvas to train on: all of it, windows, one crop, or random tokens.

Axes: h w pixels.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from torch.utils.data import Dataset

from models.windows import STRIDE
from training.data.augment import crop
from training.data.batch import Batch, collate
from training.data.sample import Cut, Sample
from training.data.win_win import WindowShape, cut, draw_shape, without_border
from training.data.windowed import place_windows
from training.recipe import WindowConfig
from training.studies.canvases import Canvases
from training.studies.presets import Family

Way = Literal["full", "two", "four", "crop", "tokens"]
WAYS: tuple[Way, ...] = get_args(Way)
TITLES: dict[Way, str] = {
    "full": "full resolution",
    "two": "two windows",
    "four": "four windows",
    "crop": "one crop",
    "tokens": "random tokens",
}
TOKEN_SIDE: dict[Family, int] = {"vit": STRIDE, "lookup": 2 * STRIDE}
"""Side in px of the windows that stand for random tokens. A patch of `vit` is one token; `lookup`
mixes neighbours from its first layer on, so that a lone cell would be border on all sides: 2x2
cells are the least that has an inside."""
SPREAD = 0.15
"""Sides of windows are drawn from this share below their mean to as much above."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """One way, in pixels."""

    way: Way
    windows: WindowConfig | None
    """None keeps the canvas whole."""

    @property
    def crop_side(self) -> int:
        """Of the only crop, px."""
        assert self.windows is not None
        return self.windows.sides[1]

    def share(self, size: tuple[int, int]) -> float:
        """Share of the pixels of a canvas of (height, width) that is kept, on average."""
        if self.windows is None:
            return 1.0
        low, high = self.windows.sides
        sides = np.arange(low, high + 1, STRIDE)
        return float(self.windows.num_windows * np.mean(sides**2) / (size[0] * size[1]))


def kept(way: Way, family: Family, size: tuple[int, int], *, share: float, border_px: int) -> Kept:
    """A way on canvases of (height, width); all but the first keep about the same share of pixels.

    Args:
        way: what to keep.
        family: of the model, for what a token is.
        size: of the canvas, px.
        share: of its pixels that are kept.
        border_px: left out of the loss at the inner sides of windows; tokens have none.
    """
    pixels = share * size[0] * size[1]
    if way == "full":
        return Kept(way=way, windows=None)
    if way == "tokens":
        side = TOKEN_SIDE[family]
        number = max(round(pixels / side**2), 1)
        return Kept(way=way, windows=_config(number, (side, side), 0))
    number = {"two": 2, "four": 4, "crop": 1}[way]
    side = max(round(math.sqrt(pixels / number) / STRIDE), 1) * STRIDE
    # As many pixels as two windows of the mean side, which their range does not change much.
    most = min(size) // STRIDE * STRIDE
    if way == "crop":
        side = min(side, most)
        return Kept(way=way, windows=_config(1, (side, side), 0))
    spread = round(SPREAD * side / STRIDE) * STRIDE
    low, high = max(side - spread, STRIDE), min(side + spread, most)
    border = min(border_px, (low - 1) // 4)  # at least half of each side counts
    return Kept(way=way, windows=_config(number, (low, high), border))


def _config(number: int, sides: tuple[int, int], border_px: int) -> WindowConfig:
    # Small windows would be lost by the jitter of large ones.
    jitter = min(WindowConfig().jitter_px, sides[0] // 4)
    return WindowConfig(num_windows=number, sides=sides, border_px=border_px, jitter_px=jitter)


def keep(rng: np.random.Generator, canvas: Sample, what: Kept, shape: WindowShape | None) -> Cut:
    """What is trained on of a canvas.

    Args:
        rng: source of chance.
        canvas: a training image.
        what: to keep.
        shape: of the windows of this step; None for a whole canvas or a crop.
    """
    if what.windows is None:
        return cut(canvas, np.zeros((1, 2), np.int64), canvas.size)
    if shape is None:
        # A crop is a canvas of its own, for both frames: that is how crops are trained on.
        side = what.crop_side
        y = int(rng.integers(canvas.size[0] - side + 1))
        x = int(rng.integers(canvas.size[1] - side + 1))
        piece = crop(canvas, (y, x), (side, side))
        return cut(piece, np.zeros((1, 2), np.int64), piece.size)
    return without_border(place_windows(rng, canvas, what.windows, shape), what.windows.border_px)


@dataclass(frozen=True, kw_only=True)
class KeptBatches(Dataset[list[Batch]]):
    """Step number -> one batch of what is kept. The same canvases for every way."""

    canvases: Canvases
    what: Kept
    images_per_step: int
    seed: int = 0

    def __getitem__(self, step: int) -> list[Batch]:
        shape = None
        if self.what.windows is not None and self.what.way != "crop":
            shape = draw_shape(
                np.random.default_rng([self.seed, 3, step]), self.what.windows, stride=STRIDE
            )
            if shape.next_side > min(self.canvases.size):
                shape = replace(shape, next_side=shape.side)
        cuts = []
        for number in range(self.images_per_step):
            canvas = self.canvases.train(np.random.default_rng([self.seed, 4, step, number]))
            rng = np.random.default_rng([self.seed, 5, step, number])
            cuts.append(keep(rng, canvas, self.what, shape))
        return [collate(cuts, rendered=self.canvases.rendered)]
