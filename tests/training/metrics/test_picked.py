import numpy as np

from training.metrics.picked import PickedPixels


def test_all_are_kept_until_there_are_too_many_and_then_every_image_gives_alike() -> None:
    pixels = PickedPixels(num_columns=2, most=10)
    image = np.arange(8, dtype=np.float32)
    pixels.add(image, -image)
    assert (pixels.every, pixels.columns().shape) == (1, (2, 8))
    pixels.add(image, -image)
    assert pixels.every == 2
    found = pixels.columns()
    assert found[0].tolist() == [0, 2, 4, 6] * 2
    assert (found[1] == -found[0]).all()
    pixels.add(image, -image)
    assert pixels.every == 4
    assert pixels.columns()[0].tolist() == [0, 4] * 3


def test_memory_is_bounded_whatever_the_number_of_images() -> None:
    pixels = PickedPixels(num_columns=1, most=100)
    for _ in range(90):
        pixels.add(np.zeros(64, np.float32))
        assert pixels.columns().shape[1] <= 100


def test_nothing_has_no_rows() -> None:
    assert PickedPixels(num_columns=3).columns().shape == (3, 0)
