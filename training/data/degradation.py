"""What makes frames worse, as augmentation: blur, noise, things that hide a part of the next frame.

Nothing is changed in place.
"""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.correspondence import pixel_grid
from training.data.sample import Sample


def blur(rng: np.random.Generator, sample: Sample, max_sigma_px: float = 1.5) -> Sample:
    """Out of focus by up to `max_sigma_px`, both frames alike. The truth stays."""
    sigma_px = float(rng.uniform(0.1, max_sigma_px))

    def soften(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma_px), dtype=np.uint8)

    second = sample.next_image
    return replace(
        sample,
        image=soften(sample.image),
        next_image=None if second is None else soften(second),
    )


def add_noise(rng: np.random.Generator, sample: Sample, max_sigma: float = 10.0) -> Sample:
    """Sensor noise of up to `max_sigma` of 255, drawn anew in each frame. The truth stays."""
    sigma = float(rng.uniform(0, max_sigma))

    def disturb(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        noise = rng.standard_normal(image.shape, dtype=np.float32) * np.float32(sigma)
        noisy: NDArray[np.float32] = np.rint(image + noise).clip(0, 255)
        return noisy.astype(np.uint8)

    second = sample.next_image
    return replace(
        sample,
        image=disturb(sample.image),
        next_image=None if second is None else disturb(second),
    )


def erase_next(
    rng: np.random.Generator, sample: Sample, max_side_share: float = 0.25, num_erased: int = 2
) -> Sample:
    """Hide rectangles of the next frame under its mean colour.

    Flow stays known; what moves under a rectangle is occluded.

    Raises:
        ValueError: the sample is no pair.
    """
    if sample.next_image is None:
        raise ValueError(f"{sample.name} has no next_image to erase from, expected a pair")
    height, width = sample.size
    next_image = sample.next_image.copy()
    colour = next_image.mean(axis=(0, 1)).astype(np.uint8)
    covered = np.zeros(sample.size, dtype=bool)
    for _ in range(num_erased):
        tall = int(rng.integers(1, max(2, round(height * max_side_share) + 1)))
        wide = int(rng.integers(1, max(2, round(width * max_side_share) + 1)))
        y, x = int(rng.integers(0, height - tall + 1)), int(rng.integers(0, width - wide + 1))
        next_image[y : y + tall, x : x + wide] = colour
        covered[y : y + tall, x : x + wide] = True
    occluded = sample.occluded
    if sample.flow is not None and occluded is not None:
        target = np.rint(np.nan_to_num(pixel_grid(height, width) + sample.flow, nan=-1.0))
        x_at, y_at = target[..., 0], target[..., 1]
        inside = (x_at >= 0) & (x_at < width) & (y_at >= 0) & (y_at < height)
        x_at, y_at = x_at.clip(0, width - 1), y_at.clip(0, height - 1)
        under = inside & covered[y_at.astype(int), x_at.astype(int)]
        occluded = occluded | under
    return replace(sample, next_image=next_image, occluded=occluded)
