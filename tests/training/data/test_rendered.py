"""Pools of rendered pairs: what is asked for, and windows that follow what moves."""

from pathlib import Path

import numpy as np
import pytest

from training.data import rendered
from training.data.rendered import SCENES, Kind, RenderedPairs
from training.data.sample import Cut
from training.recipe import DataConfig

LAYERED: tuple[Kind, ...] = ("layered",)


@pytest.fixture
def pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RenderedPairs:
    monkeypatch.setattr(rendered, "POOLS", tmp_path)
    monkeypatch.setattr(rendered, "LARGE_CANVASES", ((240, 320),))
    made = RenderedPairs(
        config=DataConfig(num_scenes=2, num_layered=3, square=64, pool_window=(64, 80))
    )
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


def test_windows_of_frame_2_show_what_moved_into_them(pairs: RenderedPairs) -> None:
    right = wrong = 0.0
    for index in range(8):
        windows = pairs._render_windows("layered", index)
        assert windows.next_origins is not None
        assert (windows.next_origins % 16 == 0).all()
        right += difference(windows, windows.next_origins)
        wrong += difference(windows, windows.origins)
    assert right < 0.5 * wrong


def difference(windows: Cut, starts: np.ndarray) -> float:
    """Mean over the visible points between frame 1 and frame 2, were its windows at `starts`."""
    assert windows.flow is not None
    assert windows.occluded is not None
    assert windows.next_image is not None
    side = windows.image.shape[1]
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1)
    place = np.rint(windows.flow + grid + (windows.origins - starts)[:, None, None, ::-1])
    inside = ((place >= 0) & (place <= side - 1)).all(-1) & ~windows.occluded
    number, y, x = np.nonzero(inside)
    there = place[inside].astype(int)
    after = windows.next_image[number, there[:, 1], there[:, 0]].astype(float)
    return float(np.abs(windows.image[number, y, x] - after).mean())
