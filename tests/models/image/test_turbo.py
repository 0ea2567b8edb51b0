"""Depth as a picture."""

import numpy as np

from models.image.turbo import colour_depth, turbo_table


def test_the_table_runs_from_blue_over_green_to_red() -> None:
    table = turbo_table().astype(int)
    assert table[60].argmax() == 2
    assert table[128].argmax() == 1
    assert table[220].argmax() == 0


def test_the_table_follows_the_published_one() -> None:
    # Entries 32, 128 and 224 of the table in Mikhailov's article, within the fit's error.
    published = {32: (70, 107, 227), 128: (164, 252, 60), 224: (208, 48, 5)}
    table = turbo_table().astype(int)
    for index, colour in published.items():
        assert np.abs(table[index] - colour).max() <= 24


def test_near_is_red_whichever_way_the_numbers_run() -> None:
    inverse = np.linspace(0, 1, 200, dtype=np.float32).reshape(10, 20)
    picture = colour_depth(inverse, near_is_large=True)
    np.testing.assert_array_equal(picture, colour_depth(-inverse, near_is_large=False))
    near, far = picture[-1, -8].astype(int), picture[0, 20 - 8].astype(int)
    assert near[0] > near[2]
    assert far[2] > far[0]


def test_scale_and_shift_do_not_change_the_picture() -> None:
    depth = np.random.default_rng(0).random((8, 9), dtype=np.float32)
    first = colour_depth(depth, near_is_large=True).astype(int)
    second = colour_depth(depth * 64 + 512, near_is_large=True).astype(int)
    assert np.abs(first - second).max() <= 4  # one step of the table, by rounding


def test_a_constant_map_takes_the_middle_and_unknown_is_black() -> None:
    depth = np.full((2, 2), 7.0, dtype=np.float32)
    depth[0, 0] = np.nan
    picture = colour_depth(depth, near_is_large=True)
    np.testing.assert_array_equal(picture[0, 0], (0, 0, 0))
    np.testing.assert_allclose(picture[1, 1], turbo_table()[128], atol=4)  # a step of the table


def test_roundings_hardly_show() -> None:
    depth = np.array([[7.0, 7.0003], [7.0004, 7.0]], dtype=np.float32)
    picture = colour_depth(depth, near_is_large=True).astype(int)
    assert np.abs(picture - turbo_table()[128]).max() <= 12
    sloped = np.array([[7.0, 7.1]], dtype=np.float32)
    picture = colour_depth(sloped, near_is_large=True)
    np.testing.assert_array_equal(picture[0], turbo_table()[[0, 255]])


def test_extremes_of_float32_and_nothing_known_give_a_picture() -> None:
    limit = np.finfo(np.float32).max
    picture = colour_depth(np.array([[-limit, limit]], dtype=np.float32), near_is_large=True)
    assert (picture[0, 0] != picture[0, 1]).any()
    assert colour_depth(np.full((1, 3), np.inf, dtype=np.float32), near_is_large=True).sum() == 0
