"""Windows: on the grid, apart from each other, and true to what they were cut from."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.sample import Cut, Sample
from training.data.win_win import (
    WindowError,
    WindowShape,
    cut,
    draw_canvas,
    draw_shape,
    flipped,
    largest_shape,
    sample_windows,
    without_border,
)
from training.recipe import WindowConfig


@given(
    seed=st.integers(0, 1000),
    rows=st.integers(8, 60),
    cols=st.integers(8, 60),
    num=st.integers(1, 4),
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


@given(seed=st.integers(0, 1000), num=st.integers(8, 40))
def test_many_small_windows_find_room_too(seed: int, num: int) -> None:
    rng = np.random.default_rng(seed)
    corners = sample_windows(rng, canvas=(90, 130), side=16, num_windows=num, stride=16)
    assert len({(y, x) for y, x in corners.tolist()}) == num
    assert (corners % 16 == 0).all()
    assert (corners + 16 <= (90, 130)).all()


def test_as_many_windows_as_there_are_places_take_every_place() -> None:
    rng = np.random.default_rng(0)
    corners = sample_windows(rng, canvas=(32, 48), side=16, num_windows=6, stride=16)
    assert sorted(map(tuple, corners.tolist())) == [(y, x) for y in (0, 16) for x in (0, 16, 32)]


def test_a_lattice_begins_anywhere_on_the_grid() -> None:
    rng = np.random.default_rng(0)
    starts = set()
    for _ in range(50):
        corners = sample_windows(rng, canvas=(80, 64), side=32, num_windows=4, stride=16)
        starts.add(tuple(corners.min(0).tolist()))
    assert starts == {(0, 0), (16, 0)}  # the only two ways to lay 2x2 squares of 32 into 80x64


SIDES = st.tuples(st.integers(2, 12), st.integers(2, 12)).map(lambda s: (16 * min(s), 16 * max(s)))


@given(seed=st.integers(0, 1000), sides=SIDES)
def test_sides_lie_in_their_range_and_those_of_frame_two_are_larger(
    seed: int, sides: tuple[int, int]
) -> None:
    config = WindowConfig(sides=sides)
    shape = draw_shape(np.random.default_rng(seed), config, stride=16)
    assert sides[0] <= shape.side <= sides[1]
    assert shape.side % 16 == shape.next_side % 16 == 0
    # 10 to 20 percent, or where no multiple of 16 lies there the first one above.
    assert 1.1 * shape.side <= shape.next_side + 1e-6
    assert shape.next_side <= max(1.2 * shape.side, 1.1 * shape.side + 16) + 1e-6
    largest = largest_shape(config, stride=16)
    assert shape.side <= largest.side
    assert shape.next_side <= largest.next_side


def test_every_side_of_the_range_comes() -> None:
    rng = np.random.default_rng(0)
    config = WindowConfig(sides=(144, 176))
    found = {draw_shape(rng, config, stride=16) for _ in range(200)}
    assert found == {
        WindowShape(side=144, next_side=160),
        WindowShape(side=160, next_side=176),
        WindowShape(side=160, next_side=192),
        WindowShape(side=176, next_side=208),
    }


def test_sides_off_the_grid_are_refused() -> None:
    rng = np.random.default_rng(0)
    for sides in ((100, 160), (160, 144), (0, 16)):
        with pytest.raises(WindowError, match="expected multiples of 16, the smallest first"):
            draw_shape(rng, WindowConfig(sides=sides), stride=16)


@given(seed=st.integers(0, 1000), num=st.integers(1, 4))
def test_canvases_keep_their_limits_and_have_room_for_the_windows(seed: int, num: int) -> None:
    rng = np.random.default_rng(seed)
    config = WindowConfig(num_windows=num)
    shape = draw_shape(rng, config, stride=16)
    height, width = draw_canvas(rng, config, shape=shape, stride=16)
    assert height % 16 == width % 16 == 0
    assert min(height, width) >= shape.next_side
    low, high = config.canvas_px
    assert 0.9 * low <= height * width <= 1.1 * high
    assert 0.45 <= width / height <= 2.8
    sample_windows(rng, canvas=(height, width), side=shape.side, num_windows=num, stride=16)


def test_canvases_reach_4k_in_both_orientations() -> None:
    rng = np.random.default_rng(0)
    config = WindowConfig()
    shape = WindowShape(side=176, next_side=208)
    drawn = [draw_canvas(rng, config, shape=shape, stride=16) for _ in range(400)]
    assert max(height * width for height, width in drawn) > 0.9 * 2160 * 3840
    assert min(height * width for height, width in drawn) < 450_000
    assert {height > width for height, width in drawn} == {True, False}
    # Log-uniform: as many below the geometric mean of the limits as above.
    middle = np.sqrt(config.canvas_px[0] * config.canvas_px[1])
    assert 0.4 < np.mean([height * width < middle for height, width in drawn]) < 0.6


def test_an_image_is_not_enlarged_without_limit() -> None:
    rng = np.random.default_rng(0)
    shape = WindowShape(side=32, next_side=48)
    for _ in range(50):
        height, width = draw_canvas(rng, WindowConfig(), shape=shape, stride=16, most_px=1e5)
        assert height * width < 115_000


def one_window(origin: tuple[int, int], canvas: tuple[int, int]) -> Cut:
    whole = sample(*canvas)
    return cut(whole, np.array([origin]), (32, 32))


def test_the_border_is_unknown_at_inner_sides_alone() -> None:
    # At the top of the canvas, and 16 px from each of its other sides.
    found = without_border(one_window((0, 16), (48, 64)), 4)
    labels, depth, flow = found.labels, found.inverse_depth, found.flow
    assert labels is not None
    assert depth is not None
    assert flow is not None
    counted = np.zeros((32, 32), bool)
    counted[0:28, 4:28] = True  # 28 rows from the top side itself, 24 columns
    assert np.array_equal(labels[0] != 255, counted)
    assert np.array_equal(np.isfinite(depth[0]), counted)
    assert np.array_equal(np.isfinite(flow[0]).all(-1), counted)


def test_a_whole_image_has_no_border() -> None:
    whole = one_window((0, 0), (32, 32))
    found = without_border(whole, 8)
    assert found.labels is not None
    assert whole.labels is not None
    assert np.array_equal(found.labels, whole.labels)


def test_the_border_leaves_what_it_was_given_untouched() -> None:
    windows = one_window((16, 16), (64, 64))
    assert windows.inverse_depth is not None
    without_border(windows, 4)
    assert np.isfinite(windows.inverse_depth).all()


def test_a_border_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(WindowError, match="a border of 16 px leaves nothing of windows of 32x32"):
        without_border(one_window((16, 16), (64, 64)), 16)


def test_mirrored_windows_of_frame_two_keep_their_own_size() -> None:
    whole = sample()
    pair = cut(whole, np.array([[16, 32]]), (32, 32), np.array([[0, 0]]), (48, 48))
    found = flipped(pair)
    assert found.next_origins is not None
    assert found.next_image is not None
    assert whole.next_image is not None
    assert found.next_origins.tolist() == [[0, 48]]
    assert np.array_equal(found.next_image[0], whole.next_image[:, ::-1][0:48, 48:96])
