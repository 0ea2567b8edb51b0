"""What tests of decoding share."""

import numpy as np
from numpy.typing import NDArray

from server.codecs.decode import ImageLimits

ANY = ImageLimits(max_pixels=10**6)


def photo(height: int = 24, width: int = 36) -> NDArray[np.uint8]:
    """Smooth, and different in every corner."""
    y, x = np.mgrid[0:height, 0:width]
    channels = [x * 255 / width, y * 255 / height, (x + y) * 255 / (height + width)]
    return np.stack(channels, axis=2).astype(np.uint8)
