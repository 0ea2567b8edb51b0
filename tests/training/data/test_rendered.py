"""Pools of rendered pairs: what is asked for, and windows that follow what moves."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tiny_models import TINY
from training.data import rendered
from training.data.rendered import SCENES, Kind, RenderedPairs
from training.data.sample import Cut
from training.data.win_win import WindowShape
from training.recipe import DataConfig, Recipe, WindowConfig
from training.render import fill_pools

LAYERED: tuple[Kind, ...] = ("layered",)


def config(unmatched_share: float = 0.0) -> DataConfig:
    windows = WindowConfig(
        sides=(32, 64),
        canvas_px=(60_000, 90_000),
        border_px=4,
        unmatched_share=unmatched_share,
    )
    return DataConfig(num_scenes=2, num_layered=3, windows=windows, pool_window=(64, 80))


@pytest.fixture
def pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RenderedPairs:
    monkeypatch.setattr(rendered, "POOLS", tmp_path)
    made = RenderedPairs(config=config())
    rng = np.random.default_rng(0)
    made.__dict__["_photographs"] = [rng.integers(0, 256, (90, 120, 3), np.uint8)]
    return made


def test_scenes_know_their_depth_and_layered_pairs_do_not(pairs: RenderedPairs) -> None:
    rng = np.random.default_rng(0)
    assert pairs.whole(rng, SCENES).inverse_depth is not None
    layered = pairs.whole(rng, LAYERED)
    assert layered.size == (64, 80)
    assert layered.inverse_depth is None
    assert layered.flow is not None


def test_windows_of_frame_2_are_larger_and_show_what_moved_into_them(pairs: RenderedPairs) -> None:
    right = wrong = 0.0
    for index in range(4):
        windows = pairs._render_windows("layered", index)
        assert windows.next_origins is not None
        assert windows.next_image is not None
        assert windows.image.shape == (2, 64, 64, 3)
        assert windows.next_image.shape == (2, 80, 80, 3)
        assert (windows.next_origins % 16 == 0).all()
        right += difference(windows, windows.next_origins)
        wrong += difference(windows, windows.origins)
    assert right < 0.5 * wrong


def test_smaller_windows_show_what_moved_into_them_too(pairs: RenderedPairs) -> None:
    rng = np.random.default_rng(0)
    shape = WindowShape(side=32, next_side=48)
    right = wrong = 0.0
    for _ in range(16):
        windows = pairs.windows(rng, shape, LAYERED)
        assert windows.next_image is not None
        assert windows.next_origins is not None
        assert windows.image.shape == (2, 32, 32, 3)
        assert windows.next_image.shape == (2, 48, 48, 3)
        right += difference(windows, windows.next_origins)
        wrong += difference(windows, windows.origins)
    assert right < 0.6 * wrong


def test_windows_drawn_otherwise_have_a_pool_of_their_own(pairs: RenderedPairs) -> None:
    others = RenderedPairs(config=config(unmatched_share=0.5))
    name = "layered-windows"
    assert pairs.pools()[name].folder != others.pools()[name].folder
    assert pairs.pools()["layered"].folder == others.pools()["layered"].folder


ALL = {"layered", "street", "indoor"}


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({}, ALL | {f"{kind}-windows" for kind in ALL}),
        ({"two_windows_share": 0.0}, ALL),
        ({"two_windows_share": 1.0}, {f"{kind}-windows" for kind in ALL}),
        ({"two_windows_share": 0.0, "scenes_per_step": 0}, ALL),
        ({"two_windows_share": 0.0, "pairs_per_step": 0}, {"street", "indoor"}),  # with depth
        ({"scenes_per_step": 0, "pairs_per_step": 0}, set()),
    ],
)
def test_what_no_step_draws_from_is_not_rendered(change: dict[str, Any], names: set[str]) -> None:
    assert RenderedPairs(config=replace(config(), **change)).used().keys() == names


def test_a_recipe_without_rendered_data_has_nothing_to_render() -> None:
    data = DataConfig(scenes_per_step=0, pairs_per_step=0)
    recipe = Recipe(name="", summary="", model=TINY["vit"], num_steps=1, data=data)
    said: list[str] = []
    assert fill_pools(recipe, report=said.append) == 0
    assert said == ["no step of this recipe sees anything rendered: nothing to do"]


def test_rendering_ahead_fills_what_training_will_look_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendered, "POOLS", tmp_path)
    data = replace(config(), photographs=(), pairs_per_step=0, two_windows_share=0.0)
    recipe = Recipe(name="", summary="", model=TINY["vit"], num_steps=1, data=data)
    said: list[str] = []
    assert fill_pools(recipe, report=said.append, workers=1) == 2
    assert said == ["2 of 2 pairs"]
    pools = RenderedPairs(config=data).used().values()
    assert all(pool.has(0) for pool in pools)
    assert len(list(tmp_path.rglob("*.npz"))) == 2


def difference(windows: Cut, starts: np.ndarray) -> float:
    """Mean over the visible points between frame 1 and frame 2, were its windows at `starts`."""
    assert windows.flow is not None
    assert windows.occluded is not None
    assert windows.next_image is not None
    side, next_side = windows.image.shape[1], windows.next_image.shape[1]
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1)
    place = np.rint(windows.flow + grid + (windows.origins - starts)[:, None, None, ::-1])
    inside = ((place >= 0) & (place <= next_side - 1)).all(-1) & ~windows.occluded
    number, y, x = np.nonzero(inside)
    if not len(number):
        return 0.0
    there = place[inside].astype(int)
    after = windows.next_image[number, there[:, 1], there[:, 0]].astype(float)
    return float(np.abs(windows.image[number, y, x] - after).mean())
