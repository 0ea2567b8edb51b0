"""Flow as a picture."""

import numpy as np
import pytest

from models.image.flow_wheel import colour_flow, flow_wheel


def test_the_wheel_has_55_colours_and_passes_the_six_pure_ones() -> None:
    wheel = flow_wheel() * 255
    assert wheel.shape == (55, 3)
    corners = np.cumsum([0, 15, 6, 4, 11, 13])
    expected = [(255, 0, 0), (255, 255, 0), (0, 255, 0), (0, 255, 255), (0, 0, 255), (255, 0, 255)]
    np.testing.assert_allclose(wheel[corners], expected)


@pytest.mark.parametrize(
    ("vector", "strongest"),
    [((4, 0), [0]), ((0, 4), [0, 1]), ((-4, 0), [1, 2]), ((0, -4), [2])],
)
def test_right_is_red_down_yellow_left_cyan_up_blue(
    vector: tuple[float, float], strongest: list[int]
) -> None:
    colour = colour_flow(np.array([[vector]], dtype=np.float32), full_length_px=4.0)[0, 0]
    assert all(colour[channel] > 180 for channel in strongest)
    assert colour.min() == 0


def test_no_motion_is_white_unknown_is_black_and_too_long_is_darker() -> None:
    flow = np.array([[[0, 0], [np.nan, 1], [2, 0], [9, 0]]], dtype=np.float32)
    picture = colour_flow(flow, full_length_px=2.0)
    np.testing.assert_array_equal(
        picture[0], [[255, 255, 255], [0, 0, 0], [255, 0, 0], [191, 0, 0]]
    )


def test_by_default_the_longest_vector_is_fully_saturated() -> None:
    flow = np.array([[[1, 0], [2, 0]]], dtype=np.float32)
    np.testing.assert_array_equal(colour_flow(flow)[0], [[255, 128, 128], [255, 0, 0]])


def test_a_still_pair_is_white_and_an_unknown_one_black() -> None:
    assert colour_flow(np.zeros((2, 2, 2), dtype=np.float32)).min() == 255
    assert colour_flow(np.full((2, 2, 2), np.nan, dtype=np.float32)).max() == 0
