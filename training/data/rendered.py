"""Rendered pairs, kept in pools on disk: whole ones, and Win-Win's windows of large canvases."""

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
from training.data.real import look_at
from training.data.resample import resize_image
from training.data.sample import Cut, Sample
from training.data.synthetic.layered import render_pair
from training.data.synthetic.scene import render_scene
from training.data.win_win import (
    WindowShape,
    draw_canvas,
    flipped,
    largest_shape,
    sample_windows,
)
from training.data.windowed import next_origins, smaller
from training.recipe import DataConfig

POOLS = Path("runs/pools")
"""Where rendered pairs are kept, relative to the checkout. Safe to delete."""

VERSION = 2
"""Of what is drawn, and of how exactly it is kept: raised with every change of it, or old pools
would be taken for new ones."""
WINDOWS_VERSION = 3
"""The same of the windows of large canvases."""

NUM_PHOTOGRAPHS = 46
"""At most: every eighth of CamVid's training images."""
PHOTOGRAPH_SIDE_PX = 1280

Kind = Literal["layered", "street", "indoor"]
SHARE: dict[Kind, float] = {"layered": 0.45, "street": 0.2, "indoor": 0.35}
KINDS: tuple[Kind, ...] = tuple(SHARE)
SCENES: tuple[Kind, ...] = ("street", "indoor")
"""The kinds with depth."""


class PhotographError(ValueError):
    """No textures for what shall be rendered."""


@dataclass(frozen=True, kw_only=True)
class RenderedPairs:
    """Pairs drawn at random from the pools."""

    config: DataConfig

    def whole(self, rng: np.random.Generator, kinds: Collection[Kind] = KINDS) -> Sample:
        """A pair of the pools' own size."""
        pool = self._pools[_draw(rng, kinds)]
        return _sample(pool[int(rng.integers(len(pool)))])

    def windows(
        self, rng: np.random.Generator, shape: WindowShape, kinds: Collection[Kind] = KINDS
    ) -> Cut:
        """Windows of a pair that is up to 4K, cut from the largest ones that the config allows."""
        pool = self._pools[f"{_draw(rng, kinds)}-windows"]
        windows = pool[int(rng.integers(len(pool)))]
        if rng.random() < 0.5:
            windows = flipped(windows)
        return smaller(rng, windows, self.config.windows, shape)

    def pools(self) -> dict[str, Pool]:
        """Every pool by name."""
        return self._pools

    def used(self) -> dict[str, Pool]:
        """The pools that some step of the config draws from."""
        c = self.config
        kinds = KINDS if c.pairs_per_step else SCENES if c.scenes_per_step else ()
        whole = list(kinds) if c.two_windows_share < 1 else []
        windows = [f"{kind}-windows" for kind in kinds] if c.two_windows_share > 0 else []
        return {name: self._pools[name] for name in (*whole, *windows)}

    def check(self) -> None:
        """Before the first pair is rendered: that the photographs for its textures are there.

        Nobody looks at them where nothing is left to render.

        Raises:
            PhotographError: one of their data sets is not known, missing, broken or empty.
        """
        pools = self.used().values()
        if not self.config.photographs or all(
            pool.has(i) for pool in pools for i in range(len(pool))
        ):
            return
        try:
            look_at(open_all(self.config.photographs), named_by="data.photographs")
        except (ValueError, OSError) as error:
            raise PhotographError(
                f"{error}; photographs are textures of what is rendered: name images of your own "
                f"in data.photographs, or none (photographs=(), --data.photographs)"
            ) from error

    @cached_property
    def _photographs(self) -> list[NDArray[np.uint8]]:
        """Every so many images, as texture."""
        data = open_all(self.config.photographs)
        every = max(math.ceil(len(data) / NUM_PHOTOGRAPHS), 1)
        return [_bounded(data[i].image) for i in range(0, len(data), every)]

    @cached_property
    def _pools(self) -> dict[str, Pool]:
        pools: dict[str, Pool] = {}
        version, windows_version = self._version(VERSION), self._version(WINDOWS_VERSION)
        for kind in SHARE:
            number = self.config.num_layered if kind == "layered" else self.config.num_scenes // 2
            height, width = self.config.pool_window
            pools[kind] = Pool(
                folder=POOLS / f"{kind}-{height}x{width}-v{version}",
                num_items=number,
                render=lambda index, kind=kind: self._render_whole(kind, index),  # type: ignore[misc]
            )
            pools[f"{kind}-windows"] = Pool(
                folder=POOLS / f"{kind}-windows-{self._windows_key()}-v{windows_version}",
                num_items=max(number // 3, 1),
                render=lambda index, kind=kind: self._render_windows(kind, index),  # type: ignore[misc]
            )
        return pools

    def _version(self, number: int) -> str:
        """Of what a pool holds: other photographs make other pairs."""
        specs = self.config.photographs
        if specs == DataConfig().photographs:
            return f"{number}"
        return f"{number}-{zlib.crc32(' '.join(specs).encode()):08x}"

    def _render_whole(self, kind: Kind, index: int) -> Cut:
        size = self.config.pool_window
        return self._render(kind, index, canvas=size, origins=[(0, 0)], window=size)

    def _render_windows(self, kind: Kind, index: int) -> Cut:
        rng = np.random.default_rng([index, 7])
        config = self.config.windows
        shape = largest_shape(config, stride=STRIDE)
        canvas = draw_canvas(rng, config, shape=shape, stride=STRIDE)
        side, next_side = (shape.side, shape.side), (shape.next_side, shape.next_side)
        corners = sample_windows(
            rng, canvas=canvas, side=shape.side, num_windows=config.num_windows, stride=STRIDE
        )
        origins = _pairs_of(corners)
        seed = index + 10**6  # others than the whole pairs have
        # Where things move to is known once frame 1 is drawn: frame 2's windows follow them.
        still = self._render(kind, seed, canvas=canvas, origins=origins, window=side)
        return self._render(
            kind,
            seed,
            canvas=canvas,
            origins=origins,
            window=side,
            next_origins=_pairs_of(next_origins(rng, still, config, shape)),
            next_window=next_side,
        )

    def _windows_key(self) -> str:
        """Names a pool by all that its windows depend on; what is cut from them may change."""
        c = self.config.windows
        drawn = (c.canvas_px, c.canvas_aspect, c.next_larger, c.jitter_px, c.unmatched_share)
        return f"{c.num_windows}x{c.sides[1]}-{zlib.crc32(repr(drawn).encode()):08x}"

    def _render(
        self,
        kind: Kind,
        seed: int,
        *,
        canvas: tuple[int, int],
        origins: list[tuple[int, int]],
        window: tuple[int, int],
        next_origins: list[tuple[int, int]] | None = None,
        next_window: tuple[int, int] | None = None,
    ) -> Cut:
        if kind == "layered":
            return render_pair(
                seed,
                canvas=canvas,
                origins=origins,
                window=window,
                next_origins=next_origins,
                next_window=next_window,
                photographs=self._photographs,
            )
        return render_scene(
            seed,
            kind=kind,
            canvas=canvas,
            origins=origins,
            window=window,
            next_origins=next_origins,
            next_window=next_window,
            photographs=self._photographs,
        )


def _bounded(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """At most PHOTOGRAPH_SIDE_PX long: each worker holds all of them."""
    ratio = PHOTOGRAPH_SIDE_PX / max(image.shape)
    if ratio >= 1:
        return image
    return resize_image(image, (round(image.shape[0] * ratio), round(image.shape[1] * ratio)))


def _pairs_of(corners: NDArray[np.int64]) -> list[tuple[int, int]]:
    return [(int(y), int(x)) for y, x in corners]


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
