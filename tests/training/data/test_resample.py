import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.resample import resize_image, resize_indices, resize_values

NAN = float("nan")
side = st.integers(1, 12)


def test_images_are_averaged_when_they_shrink_along_each_axis() -> None:
    image = np.zeros((2, 4, 3), dtype=np.uint8)
    image[:, ::2] = 200
    assert resize_image(image, (2, 2)).tolist() == [[[100] * 3] * 2] * 2
    taller = resize_image(image, (6, 1))  # up and down at once
    assert taller.shape == (6, 1, 3)
    assert (taller == 100).all()


def test_labels_are_picked_under_the_new_centres() -> None:
    labels = np.array([[0, 1, 2, 3, 4, 255]], dtype=np.uint8)
    assert resize_indices(labels, (1, 2)).tolist() == [[1, 4]]
    assert resize_indices(labels[:, :2], (2, 4)).tolist() == [[0, 0, 1, 1]] * 2


def test_an_edge_between_near_and_far_stays_sharp() -> None:
    inverse_depth = np.array([[0.1] * 4 + [1.0] * 4], dtype=np.float32)
    expected = np.repeat(inverse_depth, 3, axis=1)
    np.testing.assert_allclose(resize_values(inverse_depth, (1, 24)), expected, rtol=1e-6)
    flow = np.stack([inverse_depth * 50, inverse_depth], axis=-1)
    resized = resize_values(flow, (1, 24))
    np.testing.assert_allclose(resized, np.repeat(flow, 3, axis=1), rtol=1e-6)


def test_a_slope_is_interpolated() -> None:
    slope = np.linspace(10, 11, 8, dtype=np.float32)[None]
    resized = resize_values(slope, (1, 16))
    centres = (np.arange(16) + 0.5) / 2 - 0.5
    np.testing.assert_allclose(resized[0, 1:-1], 10 + centres[1:-1] / 7, atol=1e-5)


def test_unknown_neighbours_do_not_dilute_the_known() -> None:
    row = np.array([[2.0, NAN, NAN, NAN]], dtype=np.float32)
    resized = resize_values(row, (1, 8))
    assert resized[0, :2].tolist() == [2, 2]
    # Pixel 2 has its centre a quarter into pixel 0: three quarters of its weight are known there.
    assert np.isnan(resized[0, 3:]).all()
    flow = np.stack([row, row], axis=-1)
    np.testing.assert_array_equal(resize_values(flow, (1, 8))[..., 1], resized)


def test_a_vector_half_unknown_is_unknown() -> None:
    flow = np.array([[[1, NAN], [1, 2]]], dtype=np.float32)
    resized = resize_values(flow, (1, 2))
    assert np.isnan(resized[0, 0]).all()
    assert resized[0, 1].tolist() == [1, 2]


@given(side, side, side, side, st.integers(0, 9), st.sampled_from([0.0, 0.3, 0.9]))
def test_nothing_is_invented(h: int, w: int, h2: int, w2: int, seed: int, holes: float) -> None:
    rng = np.random.default_rng(seed)
    values = rng.uniform(1, 2, (h, w)).astype(np.float32)
    values[rng.random((h, w)) < holes] = NAN
    resized = resize_values(values, (h2, w2))
    assert resized.shape == (h2, w2)
    known = np.isfinite(resized)
    if np.isfinite(values).all():
        assert known.all()
    if known.any():
        assert np.nanmin(values) - 1e-5 <= resized[known].min()
        assert resized[known].max() <= np.nanmax(values) + 1e-5


@pytest.mark.parametrize("holes", [0.1, 0.3, 0.5])
def test_a_hole_between_near_and_far_is_not_bridged(holes: float) -> None:
    near_and_far = np.where(np.arange(64) < 32, 1.0, 0.1).astype(np.float32)
    values = np.repeat(near_and_far[None], 48, axis=0)
    values[np.random.default_rng(0).random(values.shape) < holes] = NAN
    flow = np.stack([values * 10, values], axis=-1)
    for size in ((37, 41), (60, 90), (31, 127)):
        resized = resize_values(values, size)
        known = resized[np.isfinite(resized)]
        assert known.size > 300
        assert np.minimum(abs(known - 1.0), abs(known - 0.1)).max() < 0.05
        u = resize_values(flow, size)[..., 0]
        assert np.nanmin(np.where(u > 1.05, u, np.nan)) > 9.5


def test_the_same_size_changes_nothing() -> None:
    values = np.array([[1, NAN], [3, 0]], dtype=np.float32)
    np.testing.assert_array_equal(resize_values(values, (2, 2)), values)
    assert resize_values(np.zeros((2, 2), np.float32), (3, 3)) == pytest.approx(0)
