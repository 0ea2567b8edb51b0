"""What a graph cannot check for itself: a wrong `size` gives wrong numbers, not an error."""

import numpy as np
from numpy.typing import NDArray

from models.runtime.feature_cells import stride_of
from models.runtime.protocol import Features


class InputError(ValueError):
    """Arrays that a runtime cannot take."""


def check_frame(image: NDArray[np.generic], size: NDArray[np.generic]) -> None:
    """Raise InputError unless `image` is uint8 (b, h, w, 3) and `size` lies within it."""
    if image.dtype != np.uint8 or image.ndim != 4 or image.shape[3] != 3 or 0 in image.shape:
        raise InputError(
            f"image is {image.dtype} {image.shape}, expected uint8 (b, h, w, 3), no axis "
            f"empty: pass RGB pixels as decoded, not normalised, channels last"
        )
    _check_size(size, num_images=image.shape[0])
    if (size > np.array(image.shape[1:3])).any():
        raise InputError(
            f"size is {size.tolist()} (HxW) in an array of {image.shape[1]}x{image.shape[2]}: "
            f"an image cannot be larger than the array that holds it"
        )


def check_pair(
    first: Features, second: Features, size: NDArray[np.generic], *, stride: int
) -> None:
    """Raise InputError unless two frames' features fit each other and `size` (b, 2)."""
    shapes = [{name: tuple(x.shape) for name, x in f.levels.items()} for f in (first, second)]
    if not shapes[0] or shapes[0] != shapes[1]:
        raise InputError(
            f"features of the first frame are {shapes[0]}, of the second {shapes[1]}; expected "
            f"the same: pad both frames to one size, and use a bundle that has flow"
        )
    for name, shape in shapes[0].items():
        _check_size(size, num_images=shape[0])
        cells = -(-size.astype(np.int64) // stride) * stride
        if (cells > np.array(shape[1:3]) * stride_of(name)).any():
            raise InputError(
                f"size is {size.tolist()} (HxW), but level {name} is {shape}: "
                f"these features are of a smaller image"
            )


def _check_size(size: NDArray[np.generic], *, num_images: int) -> None:
    if size.dtype != np.int64 or size.shape != (num_images, 2):
        raise InputError(
            f"size is {size.dtype} {size.shape}, expected int64 ({num_images}, 2): "
            f"(height, width) of each image"
        )
    if (size < 1).any():  # type: ignore[operator]
        raise InputError(f"size is {size.tolist()} (HxW), expected 1 pixel or more on each side")
