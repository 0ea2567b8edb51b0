import numpy as np
import pytest

from training.data.degradation import add_noise, blur, erase_next
from training.data.sample import Sample


def pair(**truth: object) -> Sample:
    checker = (np.indices((32, 40)).sum(axis=0) % 2 * 200).astype(np.uint8)
    image = np.repeat(checker[..., None], 3, axis=-1)
    return Sample(name="s", image=image, next_image=image.copy(), **truth)  # type: ignore[arg-type]


def test_blur_softens_both_frames_alike() -> None:
    soft = blur(np.random.default_rng(0), pair(), max_sigma_px=2.0)
    np.testing.assert_array_equal(soft.image, soft.next_image)
    assert soft.image.std() < 50 < pair().image.std()


def test_noise_is_drawn_anew_in_each_frame_and_has_no_bias() -> None:
    grey = np.full((64, 64, 3), 128, dtype=np.uint8)
    noisy = add_noise(
        np.random.default_rng(0), Sample(name="s", image=grey, next_image=grey), max_sigma=10.0
    )
    assert noisy.next_image is not None
    assert (noisy.image != noisy.next_image).any()
    assert noisy.image.mean() == pytest.approx(128, abs=0.5)
    assert 1 < noisy.image.std() < 10.5


def test_what_moves_under_an_erased_rectangle_is_occluded() -> None:
    flow = np.zeros((32, 40, 2), dtype=np.float32)
    flow[..., 0] = 5
    occluded = np.zeros((32, 40), dtype=bool)
    occluded[0, 0] = True
    sample = pair(flow=flow, occluded=occluded)
    erased = erase_next(np.random.default_rng(3), sample, num_erased=1)
    assert erased.next_image is not None
    assert erased.occluded is not None
    assert erased.flow is flow
    changed = (erased.next_image != sample.next_image).any(axis=-1)
    assert changed.any()
    expected = np.zeros_like(occluded)
    expected[:, :-5] = changed[:, 5:]
    expected[0, 0] = True
    np.testing.assert_array_equal(erased.occluded, expected)
    assert not occluded[1:].any()  # nothing is changed in place


def test_erasing_needs_a_pair() -> None:
    image = np.zeros((4, 4, 3), dtype=np.uint8)
    with pytest.raises(ValueError, match="s has no next_image"):
        erase_next(np.random.default_rng(0), Sample(name="s", image=image))
