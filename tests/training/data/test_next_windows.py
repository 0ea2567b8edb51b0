"""The second frame's windows lie where things move to, some of them elsewhere on purpose."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.next_windows import follow_motion, lead_astray
from training.data.sample import Cut


def windows(
    *flows: tuple[float, float],
    canvas: tuple[int, int] = (320, 320),
    at: tuple[int, int] = (96, 96),
) -> Cut:
    """Windows of 64 px whose middle third moves by (u, v); nothing is known elsewhere."""
    flow = np.full((len(flows), 64, 64, 2), np.nan, np.float32)
    for number, uv in enumerate(flows):
        flow[number, 20:40] = uv
    return Cut(
        name="s",
        canvas=canvas,
        origins=np.array([at] * len(flows)),
        image=np.zeros((len(flows), 64, 64, 3), np.uint8),
        flow=flow,
    )


def test_a_larger_window_is_centred_where_the_first_moves_to() -> None:
    rng = np.random.default_rng(0)
    # The middle (128, 128) moves to y 96, x 176: 96 px around it begin at y 48, x 128.
    found = follow_motion(rng, windows((48.0, -32.0)), side=96, stride=16, jitter_px=0)
    assert found.tolist() == [[48, 128]]


def test_the_nearest_place_on_the_grid_is_taken() -> None:
    rng = np.random.default_rng(0)
    found = follow_motion(rng, windows((33.0, -17.0)), side=64, stride=16, jitter_px=0)
    assert found.tolist() == [[80, 128]]


def test_a_window_without_known_flow_is_looked_for_where_it_is() -> None:
    rng = np.random.default_rng(0)
    unknown = windows((np.nan, np.nan))
    assert follow_motion(rng, unknown, side=96, stride=16, jitter_px=0).tolist() == [[80, 80]]


def test_what_leaves_the_canvas_is_followed_to_its_side() -> None:
    rng = np.random.default_rng(0)
    found = follow_motion(
        rng, windows((900.0, -900.0), canvas=(320, 328)), side=96, stride=16, jitter_px=0
    )
    assert found.tolist() == [[0, 224]]  # 232 would fit, but is off the grid


def test_a_window_stays_within_what_was_rendered() -> None:
    rng = np.random.default_rng(0)
    low = np.array([[64, 112], [0, 0]])
    found = follow_motion(
        rng,
        windows((0.0, 0.0), (0.0, 0.0)),
        side=64,
        stride=16,
        jitter_px=0,
        within=(low, low + 16),
    )
    assert found.tolist() == [[80, 112], [16, 16]]


@given(seed=st.integers(0, 1000))
def test_jitter_stays_within_its_limit(seed: int) -> None:
    rng = np.random.default_rng(seed)
    found = follow_motion(rng, windows((0.0, 0.0)), side=64, stride=16, jitter_px=20)
    assert np.abs(found - 96).max() <= 28  # 20, and up to half a cell by rounding


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_so_many_windows_show_nothing_of_the_first(share: float) -> None:
    rng = np.random.default_rng(0)
    matched = np.full((400, 2), 128)
    found = lead_astray(rng, matched, canvas=(400, 600), side=96, stride=16, share=share)
    moved = (found != matched).any(1)
    assert moved.mean() == pytest.approx(share, abs=0.06)
    assert (np.abs(found[moved] - 128).max(1) >= 96).all()  # the two squares do not overlap
    assert (found % 16 == 0).all()
    assert (found >= 0).all()
    assert (found + 96 <= (400, 600)).all()


def test_where_there_is_no_room_elsewhere_windows_stay() -> None:
    rng = np.random.default_rng(0)
    matched = np.array([[16, 16]])
    found = lead_astray(rng, matched, canvas=(128, 128), side=96, stride=16, share=1.0)
    assert found.tolist() == [[16, 16]]
