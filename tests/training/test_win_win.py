"""Windows: on the grid, apart from each other, and true to what they were cut from."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.sample import Sample
from training.win_win import WindowError, cut, flipped, follow_motion, sample_windows


@given(
    seed=st.integers(0, 1000),
    rows=st.integers(8, 60),
    cols=st.integers(8, 60),
    num=st.integers(1, 3),
)
def test_windows_lie_on_the_grid_and_do_not_overlap(
    seed: int, rows: int, cols: int, num: int
) -> None:
    canvas, side = (rows * 16, cols * 16), 48
    corners = sample_windows(
        np.random.default_rng(seed), canvas=canvas, side=side, num_windows=num, stride=16
    )
    assert corners.shape == (num, 2)
    assert (corners % 16 == 0).all()
    assert (corners >= 0).all()
    assert (corners + side <= canvas).all()
    covered = np.zeros(canvas, int)
    for y, x in corners:
        covered[y : y + side, x : x + side] += 1
    assert covered.max() == 1


def test_windows_that_cannot_fit_are_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(WindowError, match="64x64 does not fit a canvas of 48x900"):
        sample_windows(rng, canvas=(48, 900), side=64, num_windows=1, stride=16)
    with pytest.raises(WindowError, match="2 windows of 64x64 found no room"):
        sample_windows(rng, canvas=(64, 80), side=64, num_windows=2, stride=16)


def sample(height: int = 64, width: int = 96) -> Sample:
    rng = np.random.default_rng(0)
    return Sample(
        name="s",
        image=rng.integers(0, 256, (height, width, 3), np.uint8),
        next_image=rng.integers(0, 256, (height, width, 3), np.uint8),
        labels=rng.integers(0, 11, (height, width), np.uint8),
        inverse_depth=rng.random((height, width), np.float32),
        flow=rng.normal(size=(height, width, 2)).astype(np.float32),
        occluded=rng.random((height, width)) < 0.5,
    )


def test_a_cut_holds_the_pixels_of_its_place() -> None:
    whole = sample()
    found = cut(whole, np.array([[16, 32], [32, 0]]), (32, 48), np.array([[0, 48], [32, 0]]))
    assert np.array_equal(found.image[0], whole.image[16:48, 32:80])
    assert whole.labels is not None
    assert found.labels is not None
    assert np.array_equal(found.labels[1], whole.labels[32:64, 0:48])
    assert whole.next_image is not None
    assert found.next_image is not None
    assert np.array_equal(found.next_image[0], whole.next_image[0:32, 48:96])
    assert found.canvas == (64, 96)


def test_mirroring_windows_equals_cutting_the_mirrored_image() -> None:
    whole = sample()
    found = flipped(cut(whole, np.array([[16, 32]]), (32, 48)))
    assert found.origins.tolist() == [[16, 16]]
    assert np.array_equal(found.image[0], whole.image[:, ::-1][16:48, 16:64])
    assert whole.flow is not None
    assert found.flow is not None
    expected = whole.flow[:, ::-1][16:48, 16:64] * np.array([-1, 1])
    np.testing.assert_allclose(found.flow[0], expected)


def test_frame_two_windows_follow_the_median_motion() -> None:
    whole = sample(160, 160)
    flow = np.full((160, 160, 2), np.nan, np.float32)
    flow[40:80] = (33.0, -17.0)
    moved = cut(
        Sample(name="s", image=whole.image, next_image=whole.next_image, flow=flow),
        np.array([[32, 32]]),
        (64, 64),
    )
    rng = np.random.default_rng(0)
    assert follow_motion(rng, moved, stride=16, jitter_px=0).tolist() == [[16, 64]]
