"""Small pictures inside the file. Axes: h w pixels, rows cols of the small one."""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.data.resample import resize_image
from training.report_html.blocks import Picture

MOST_PX = (240, 360)
"""(height, width) that a picture is shrunk to, by a whole number."""
QUALITY = 72
"""Of WebP, in [0, 100]."""


def shrink_factor(size: tuple[int, int]) -> int:
    """The smallest whole number by which an image of (height, width) fits into MOST_PX."""
    return max(-(-side // most) for side, most in zip(size, MOST_PX, strict=True))


def shrink(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(h, w, 3) as (rows, cols, 3), averaged."""
    factor = shrink_factor(picture.shape[:2])
    size = (max(picture.shape[0] // factor, 1), max(picture.shape[1] // factor, 1))
    return picture if factor == 1 else resize_image(picture, size)


def shrink_known(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """(h, w) or (h, w, 2) as (rows, cols, ...), averaged over what is known in each cell.

    NaN is unknown; a laser scanner's few points stay visible.
    """
    factor = shrink_factor(values.shape[:2])
    rows, cols = max(values.shape[0] // factor, 1), max(values.shape[1] // factor, 1)
    tall, wide = min(factor, values.shape[0]), min(factor, values.shape[1])
    cells = values[: rows * tall, : cols * wide].reshape(rows, tall, cols, wide, -1)
    known = np.isfinite(cells).all(axis=-1, keepdims=True)
    total = np.where(known, cells, 0).sum(axis=(1, 3))
    count = known.sum(axis=(1, 3))
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)
    return mean[..., 0] if values.ndim == 2 else mean


def as_picture(caption: str, picture: NDArray[np.uint8]) -> Picture:
    """Pixels (rows, cols, 3) as a data URI."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="WEBP", quality=QUALITY, method=4)
    code = base64.b64encode(buffer.getvalue()).decode()
    return Picture(
        caption=caption,
        uri=f"data:image/webp;base64,{code}",
        width=picture.shape[1],
        height=picture.shape[0],
    )
