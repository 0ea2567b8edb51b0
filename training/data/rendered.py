"""Rendered pairs, kept in pools on disk: whole ones, and two windows of large canvases."""

import math
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.windows import STRIDE
from training.data.catalog import open_all
from training.data.pool import Pool
from training.data.resample import resize_image
from training.data.sample import Cut, Sample
from training.data.synthetic.layered import render_pair
from training.data.synthetic.scene import render_scene
from training.recipe import DataConfig
from training.win_win import follow_motion, sample_windows

POOLS = Path("runs/pools")
"""Where rendered pairs are kept, relative to the checkout. Safe to delete."""

VERSION = 1
"""Of what is drawn: raised with every change of it, or old pools would be taken for new ones."""

NUM_PHOTOGRAPHS = 46
"""At most: every eighth of CamVid's training images."""
PHOTOGRAPH_SIDE_PX = 1280

Kind = Literal["layered", "street", "indoor"]
SHARE: dict[Kind, float] = {"layered": 0.5, "street": 0.25, "indoor": 0.25}
KINDS: tuple[Kind, ...] = tuple(SHARE)
SCENES: tuple[Kind, ...] = ("street", "indoor")
"""The kinds with depth."""
LARGE_CANVASES = ((544, 960), (720, 1280), (800, 800), (1080, 1920), (960, 544), (376, 1248))
"""(height, width) in pixels; widths are multiples of the stride, so that they can be mirrored."""


@dataclass(frozen=True, kw_only=True)
class RenderedPairs:
    """Pairs drawn at random from the pools."""

    config: DataConfig

    def whole(self, rng: np.random.Generator, kinds: Collection[Kind] = KINDS) -> Sample:
        """A pair of the pools' own size."""
        pool = self._pools[_draw(rng, kinds)]
        return _sample(pool[int(rng.integers(len(pool)))])

    def windows(self, rng: np.random.Generator, kinds: Collection[Kind] = KINDS) -> Cut:
        """Two square windows of a pair that is up to full HD."""
        pool = self._pools[f"{_draw(rng, kinds)}-windows"]
        return pool[int(rng.integers(len(pool)))]

    def pools(self) -> dict[str, Pool]:
        """Every pool by name, for rendering ahead."""
        return self._pools

    @cached_property
    def _photographs(self) -> list[NDArray[np.uint8]]:
        """Every so many images, as texture."""
        data = open_all(self.config.photographs)
        every = max(math.ceil(len(data) / NUM_PHOTOGRAPHS), 1)
        return [_bounded(data[i].image) for i in range(0, len(data), every)]

    @cached_property
    def _pools(self) -> dict[str, Pool]:
        pools: dict[str, Pool] = {}
        for kind in SHARE:
            number = self.config.num_layered if kind == "layered" else self.config.num_scenes // 2
            height, width = self.config.pool_window
            pools[kind] = Pool(
                folder=POOLS / f"{kind}-{height}x{width}-v{self._version}",
                num_items=number,
                render=lambda index, kind=kind: self._render_whole(kind, index),  # type: ignore[misc]
            )
            pools[f"{kind}-windows"] = Pool(
                folder=POOLS / f"{kind}-windows-{self.config.square}-v{self._version}",
                num_items=max(number // 3, 1),
                render=lambda index, kind=kind: self._render_windows(kind, index),  # type: ignore[misc]
            )
        return pools

    @property
    def _version(self) -> str:
        """Of what the pools hold: other photographs make other pairs."""
        specs = self.config.photographs
        if specs == DataConfig().photographs:
            return f"{VERSION}"
        return f"{VERSION}-{zlib.crc32(' '.join(specs).encode()):08x}"

    def _render_whole(self, kind: Kind, index: int) -> Cut:
        size = self.config.pool_window
        return self._render(kind, index, canvas=size, origins=[(0, 0)], window=size)

    def _render_windows(self, kind: Kind, index: int) -> Cut:
        rng = np.random.default_rng([index, 7])
        canvas = LARGE_CANVASES[int(rng.integers(len(LARGE_CANVASES)))]
        side = self.config.square
        corners = sample_windows(rng, canvas=canvas, side=side, num_windows=2, stride=STRIDE)
        origins = [(int(y), int(x)) for y, x in corners]
        seed = index + 10**6  # others than the whole pairs have
        # Where things move to is known once frame 1 is drawn: frame 2's windows follow them.
        still = self._render(kind, seed, canvas=canvas, origins=origins, window=(side, side))
        moved = [(int(y), int(x)) for y, x in follow_motion(rng, still, stride=STRIDE)]
        return self._render(
            kind, seed, canvas=canvas, origins=origins, window=(side, side), next_origins=moved
        )

    def _render(
        self,
        kind: Kind,
        seed: int,
        *,
        canvas: tuple[int, int],
        origins: list[tuple[int, int]],
        window: tuple[int, int],
        next_origins: list[tuple[int, int]] | None = None,
    ) -> Cut:
        if kind == "layered":
            return render_pair(
                seed,
                canvas=canvas,
                origins=origins,
                window=window,
                next_origins=next_origins,
                photographs=self._photographs,
            )
        return render_scene(
            seed,
            kind=kind,
            canvas=canvas,
            origins=origins,
            window=window,
            next_origins=next_origins,
            photographs=self._photographs,
        )


def _bounded(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """At most PHOTOGRAPH_SIDE_PX long: each worker holds all of them."""
    ratio = PHOTOGRAPH_SIDE_PX / max(image.shape)
    if ratio >= 1:
        return image
    return resize_image(image, (round(image.shape[0] * ratio), round(image.shape[1] * ratio)))


def _draw(rng: np.random.Generator, kinds: Collection[Kind]) -> Kind:
    names = [kind for kind in SHARE if kind in kinds]
    shares = np.array([SHARE[kind] for kind in names])
    return names[int(rng.choice(len(names), p=shares / shares.sum()))]


def _sample(cut: Cut) -> Sample:
    return Sample(
        name=cut.name,
        image=cut.image[0],
        next_image=None if cut.next_image is None else cut.next_image[0],
        labels=None if cut.labels is None else cut.labels[0],
        inverse_depth=None if cut.inverse_depth is None else cut.inverse_depth[0],
        flow=None if cut.flow is None else cut.flow[0],
        occluded=None if cut.occluded is None else cut.occluded[0],
    )
