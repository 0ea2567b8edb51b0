"""Pictures over pictures, pictures beside pictures. Axes: h w pixels."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def blend(
    image: NDArray[np.uint8], colours: NDArray[np.uint8], *, opacity: float
) -> NDArray[np.uint8]:
    """Colours laid over an image, both (h, w, 3). Opacity 0 shows the image, 1 the colours."""
    if image.shape != colours.shape or not 0.0 <= opacity <= 1.0:
        raise ValueError(
            f"image is {image.shape}, colours are {colours.shape}, opacity is {opacity}; "
            f"expected equal shapes and an opacity in [0, 1]"
        )
    # 8.8 fixed point: 16-bit integers are twice as fast as floats and exact at 0 and 1.
    weight = round(opacity * 256)
    mixed = image.astype(np.uint16) * (256 - weight) + colours.astype(np.uint16) * weight
    return (mixed >> 8).astype(np.uint8)


def side_by_side(pictures: Sequence[NDArray[np.uint8]], *, gap_px: int = 0) -> NDArray[np.uint8]:
    """Pictures (h, w, 3) from left to right, tops aligned, white between and below."""
    if not pictures:
        raise ValueError("no pictures came, expected one or more")
    height = max(picture.shape[0] for picture in pictures)
    width = sum(picture.shape[1] for picture in pictures) + gap_px * (len(pictures) - 1)
    sheet = np.full((height, width, 3), 255, dtype=np.uint8)
    left = 0
    for picture in pictures:
        sheet[: picture.shape[0], left : left + picture.shape[1]] = picture
        left += picture.shape[1] + gap_px
    return sheet
