from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from models.task import IGNORE_INDEX
from training.data.augment import crop, flip, jitter_colour, jitter_pair_colour, rotate, scale, tilt
from training.data.correspondence import leaves_image, pixel_grid, warp_back
from training.data.sample import Sample

NAN = float("nan")


def paint(points: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A smooth coloured pattern, seen at (..., 2) points (x, y)."""
    x, y = points[..., 0], points[..., 1]
    waves = [np.sin(x / 5) + np.cos(y / 7), np.sin((x + y) / 6), np.cos((x - 2 * y) / 11)]
    return np.stack([127 + 60 * wave for wave in waves], axis=-1).clip(0, 255).astype(np.uint8)


def moving_sample() -> Sample:
    """A pattern that turns, grows and drifts: next(p) = paint(inverse motion of p)."""
    grid = pixel_grid(60, 80)
    motion = np.array([[1.02, -0.05], [0.06, 1.03]], dtype=np.float32)
    drift = np.array([3, -2], dtype=np.float32)
    flow = (grid @ motion.T + drift - grid).astype(np.float32)
    came_from = ((grid - drift) @ np.linalg.inv(motion).T).astype(np.float32)
    return Sample(
        name="moving",
        image=paint(grid),
        next_image=paint(came_from),
        labels=(grid[..., 0] // 8).astype(np.uint8),
        inverse_depth=(1 / (grid[..., 1] + 1)).astype(np.float32),
        flow=flow,
        occluded=leaves_image(flow),
    )


def colour_error(sample: Sample) -> float:
    """Mean difference between the image and what the flow says shows in the next one."""
    assert sample.next_image is not None
    assert sample.flow is not None
    assert sample.occluded is not None
    seen = np.isfinite(sample.flow[..., 0]) & ~sample.occluded
    assert seen.mean() > 0.3
    difference = warp_back(sample.next_image, sample.flow) - sample.image
    return float(np.abs(difference[seen]).mean())


@pytest.mark.parametrize(
    "change",
    [
        flip,
        lambda sample: scale(sample, (90, 100)),
        lambda sample: scale(sample, (41, 67)),
        lambda sample: scale(sample, (41, 120)),
        lambda sample: crop(sample, (7, 11), (40, 50)),
        lambda sample: rotate(sample, 20.0),
        lambda sample: tilt(np.random.default_rng(2), sample),
        lambda sample: rotate(flip(scale(crop(sample, (0, 0), (50, 70)), (70, 90))), -10.0),
    ],
    ids=["flip", "larger", "smaller", "stretched", "crop", "rotate", "tilt", "all"],
)
def test_the_flow_still_leads_to_the_same_colours(change: Callable[[Sample], Sample]) -> None:
    before = moving_sample()
    after = change(before)
    assert colour_error(after) < 4
    assert after.flow is not None
    assert colour_error(before) < 1
    still = np.abs(after.image.astype(float) - np.asarray(after.next_image, dtype=float)).mean()
    assert still > 12  # so that the errors above mean something


def test_a_mirrored_sample_has_mirrored_truth_and_the_other_u() -> None:
    sample = moving_sample()
    mirrored = flip(sample)
    assert mirrored.labels is not None
    assert mirrored.flow is not None
    assert sample.labels is not None
    assert sample.flow is not None
    np.testing.assert_array_equal(mirrored.labels, sample.labels[:, ::-1])
    np.testing.assert_array_equal(mirrored.flow[..., 0], -sample.flow[:, ::-1, 0])
    np.testing.assert_array_equal(mirrored.flow[..., 1], sample.flow[:, ::-1, 1])
    twice = flip(mirrored)
    np.testing.assert_array_equal(twice.image, sample.image)
    np.testing.assert_array_equal(twice.flow, sample.flow)


def test_mirroring_changes_nothing_in_place() -> None:
    # One column is the same mirrored, and so no copy.
    flow = np.ones((3, 1, 2), dtype=np.float32)
    image = np.zeros((3, 1, 3), dtype=np.uint8)
    mirrored = flip(Sample(name="thin", image=image, next_image=image, flow=flow))
    assert mirrored.flow is not None
    assert mirrored.flow[0, 0].tolist() == [-1, 1]
    assert flow[0, 0].tolist() == [1, 1]


def test_scaling_multiplies_flow_and_leaves_distances() -> None:
    sample = Sample(
        name="s",
        image=np.zeros((4, 6, 3), dtype=np.uint8),
        next_image=np.zeros((4, 6, 3), dtype=np.uint8),
        labels=np.full((4, 6), 7, dtype=np.uint8),
        inverse_depth=np.full((4, 6), 0.25, dtype=np.float32),
        flow=np.full((4, 6, 2), 3, dtype=np.float32),
        occluded=np.zeros((4, 6), dtype=bool),
    )
    larger = scale(sample, (8, 18))
    assert larger.size == (8, 18)
    assert larger.flow is not None
    assert larger.inverse_depth is not None
    assert larger.labels is not None
    assert np.unique(larger.flow[..., 0]) == 9  # three times as wide
    assert np.unique(larger.flow[..., 1]) == 6  # twice as high
    assert np.unique(larger.inverse_depth) == np.float32(0.25)
    assert np.unique(larger.labels) == 7
    assert scale(sample, sample.size) is sample


def test_what_moves_out_of_a_crop_is_occluded() -> None:
    flow = np.zeros((4, 6, 2), dtype=np.float32)
    flow[..., 0] = 1
    occluded = np.zeros((4, 6), dtype=bool)
    occluded[1, 1] = True
    sample = Sample(
        name="s", image=np.zeros((4, 6, 3), dtype=np.uint8), flow=flow, occluded=occluded
    )
    piece = crop(sample, (1, 1), (2, 3))
    assert piece.occluded is not None
    assert piece.occluded.tolist() == [[True, False, True], [False, False, True]]
    with pytest.raises(ValueError, match=r"a crop of 4x4 at y 1, x 0 leaves the image of 4x6"):
        crop(sample, (1, 0), (4, 4))


def test_occlusion_that_is_unknown_stays_unknown() -> None:
    flow = np.ones((4, 6, 2), dtype=np.float32)
    sample = Sample(name="s", image=np.zeros((4, 6, 3), dtype=np.uint8), flow=flow)
    assert crop(sample, (0, 0), (2, 2)).occluded is None
    assert scale(sample, (2, 2)).occluded is None


def test_a_quarter_turn_is_exact() -> None:
    flow = np.zeros((3, 3, 2), dtype=np.float32)
    flow[..., 0] = 0.25  # to the right: after a clockwise quarter turn, down
    labels = np.arange(9, dtype=np.uint8).reshape(3, 3)
    image = np.repeat(labels[..., None], 3, axis=-1) * np.uint8(20)
    turned = rotate(Sample(name="s", image=image, labels=labels, flow=flow), 90.0)
    assert turned.labels is not None
    assert turned.flow is not None
    np.testing.assert_array_equal(turned.labels, np.rot90(labels, -1))
    np.testing.assert_array_equal(turned.image, np.rot90(image, -1))
    assert turned.flow[..., 0] == pytest.approx(0, abs=1e-6)
    assert turned.flow[..., 1] == pytest.approx(0.25)


def test_a_camera_tilts_either_way_and_no_further_than_allowed() -> None:
    sample = moving_sample()
    still = Sample(name="s", image=sample.image, flow=np.ones((60, 80, 2), np.float32))
    angles = []
    for seed in range(40):
        flow = tilt(np.random.default_rng(seed), still, max_deg=5.0).flow
        assert flow is not None
        u, v = flow[30, 40]
        angles.append(float(np.rad2deg(np.arctan2(v, u))) - 45.0)  # clockwise is positive
    assert -5.001 <= min(angles) < -3
    assert 3 < max(angles) <= 5.001


def test_corners_that_turn_into_view_are_unknown() -> None:
    turned = rotate(moving_sample(), 30.0)
    assert turned.labels is not None
    assert turned.inverse_depth is not None
    assert turned.flow is not None
    assert turned.labels[0, 0] == IGNORE_INDEX
    assert np.isnan(turned.inverse_depth[0, 0])
    assert np.isnan(turned.flow[0, 0]).all()
    assert np.isfinite(turned.flow[30, 40]).all()
    assert turned.image[0, 0].any()  # mirrored, not black


def test_colours_of_a_pair_change_together_or_apart_and_the_truth_stays() -> None:
    image = np.full((5, 6, 3), (90, 120, 60), dtype=np.uint8)
    labels = np.zeros((5, 6), dtype=np.uint8)
    sample = Sample(name="s", image=image, next_image=image.copy(), labels=labels)
    together = jitter_colour(np.random.default_rng(1), sample)
    assert (together.image != image).any()
    np.testing.assert_array_equal(together.image, together.next_image)
    apart = jitter_pair_colour(np.random.default_rng(1), sample)
    assert apart.next_image is not None
    assert (apart.image != apart.next_image).any()
    assert together.labels is labels
    assert (image == (90, 120, 60)).all()  # nothing is changed in place
