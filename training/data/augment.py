"""Changes of a whole sample: the truth follows the pixels.

Each function says what it does to labels, depth and flow. Nothing is changed in place. What falls
from outside the image into view is unknown: IGNORE_INDEX, NaN. `occluded` keeps its meaning,
"hidden or outside in next_image", when the image is cut; where it is None, it stays None.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models.task import IGNORE_INDEX
from training.data.colour import ColourJitter
from training.data.correspondence import leaves_image, pixel_grid
from training.data.resample import resize_flags, resize_image, resize_indices, resize_values
from training.data.sample import Sample

UNKNOWN = float("nan")


def flip(sample: Sample) -> Sample:
    """Mirror left and right: labels and depth move along, u changes its sign."""
    mirrored = _every(sample, lambda x: x[:, ::-1])
    if mirrored.flow is None:
        return mirrored
    return replace(mirrored, flow=mirrored.flow * np.array([-1, 1], dtype=np.float32))


def scale(sample: Sample, size: tuple[int, int]) -> Sample:
    """Resize to (height, width): flow is multiplied by the ratios, depth keeps its numbers.

    (The same scene at the same distances, seen through a longer or shorter lens.)
    """
    if size == sample.size:
        return sample
    ratio = np.array([size[1] / sample.size[1], size[0] / sample.size[0]], dtype=np.float32)
    depth, flow = sample.inverse_depth, sample.flow
    return _mark_leaving(
        replace(
            sample,
            image=resize_image(sample.image, size),
            next_image=None if sample.next_image is None else resize_image(sample.next_image, size),
            labels=None if sample.labels is None else resize_indices(sample.labels, size),
            inverse_depth=None if depth is None else resize_values(depth, size),
            flow=None if flow is None else resize_values(flow, size) * ratio,
            occluded=None if sample.occluded is None else resize_flags(sample.occluded, size),
        )
    )


def crop(sample: Sample, origin: tuple[int, int], size: tuple[int, int]) -> Sample:
    """Cut out (height, width) = `size` from (y, x) = `origin`, of both frames.

    Raises:
        ValueError: the piece is not inside the image.
    """
    (y, x), (height, width) = origin, size
    if min(y, x) < 0 or y + height > sample.size[0] or x + width > sample.size[1]:
        raise ValueError(
            f"a crop of {height}x{width} at y {y}, x {x} leaves the image of "
            f"{sample.size[0]}x{sample.size[1]} (HxW): choose it inside, or scale the sample first"
        )
    return _mark_leaving(_every(sample, lambda values: values[y : y + height, x : x + width]))


def rotate(sample: Sample, angle_deg: float) -> Sample:
    """Turn both frames about the centre, clockwise as seen: flow vectors turn too.

    Truth is picked, not mixed; corners that come from outside are mirrored and unknown.
    """
    height, width = sample.size
    c, s = np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))
    turn = np.array([[c, -s], [s, c]])
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    matrix = np.concatenate([turn, (centre - turn @ centre)[:, None]], axis=1)

    def picture(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        turned = cv2.warpAffine(
            image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        )
        return np.asarray(turned, dtype=np.uint8)

    # The truth that comes to lie at p was at turn^-1 (p - centre) + centre.
    source = np.rint((pixel_grid(height, width) - centre) @ turn + centre).astype(int)
    x, y = source[..., 0], source[..., 1]
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    y, x = y.clip(0, height - 1), x.clip(0, width - 1)
    labels, depth, flow = sample.labels, sample.inverse_depth, sample.flow
    hidden = sample.occluded
    if labels is not None:
        labels = np.where(inside, labels[y, x], np.uint8(IGNORE_INDEX))
    if depth is not None:
        depth = np.where(inside, depth[y, x], np.float32(UNKNOWN))
    if flow is not None:
        flow = np.where(inside[..., None], flow[y, x] @ turn.T, UNKNOWN).astype(np.float32)
    if hidden is not None:
        hidden = inside & hidden[y, x]
    return _mark_leaving(
        replace(
            sample,
            image=picture(sample.image),
            next_image=None if sample.next_image is None else picture(sample.next_image),
            labels=labels,
            inverse_depth=depth,
            flow=flow,
            occluded=hidden,
        )
    )


def tilt(rng: np.random.Generator, sample: Sample, max_deg: float = 8.0) -> Sample:
    """As if the camera had not been held level: `rotate` by up to `max_deg` either way."""
    return rotate(sample, float(rng.uniform(-max_deg, max_deg)))


def jitter_colour(
    rng: np.random.Generator, sample: Sample, jitter: ColourJitter | None = None
) -> Sample:
    """Other camera settings, the same for both frames. The truth stays."""
    colour = (jitter or ColourJitter()).draw(rng)
    second = sample.next_image
    return replace(
        sample,
        image=colour.apply(sample.image),
        next_image=None if second is None else colour.apply(second),
    )


def jitter_pair_colour(
    rng: np.random.Generator, sample: Sample, jitter: ColourJitter | None = None
) -> Sample:
    """Settings of each frame's own, as if the exposure had changed between them."""
    limits = jitter or ColourJitter()
    second = sample.next_image
    return replace(
        sample,
        image=limits.draw(rng).apply(sample.image),
        next_image=None if second is None else limits.draw(rng).apply(second),
    )


def _every(sample: Sample, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Sample:
    """The same change of shape to every array."""

    def changed(values: NDArray[Any] | None) -> Any:
        return None if values is None else np.ascontiguousarray(change(values))

    return replace(
        sample,
        image=changed(sample.image),
        next_image=changed(sample.next_image),
        labels=changed(sample.labels),
        inverse_depth=changed(sample.inverse_depth),
        flow=changed(sample.flow),
        occluded=changed(sample.occluded),
    )


def _mark_leaving(sample: Sample) -> Sample:
    """What moves out of the (new) image counts as occluded."""
    if sample.flow is None or sample.occluded is None:
        return sample
    return replace(sample, occluded=sample.occluded | leaves_image(sample.flow))
