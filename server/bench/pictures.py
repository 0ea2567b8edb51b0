"""Images to send: drawn here, about as hard to code as photographs, or files of a folder.

Axes: h w pixels.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from server.codecs.image_header import read_header
from server.errors import ServerError, Unusable

Format = Literal["jpeg", "png", "webp"]

COARSE_PX = 24  # a colour every so many pixels, smoothly joined, gives edges like a blurred scene
NOISE = 8  # levels, as a camera's sensor has; without it PNG and JPEG files are too small
QUALITY = 90


@dataclass(frozen=True, kw_only=True)
class Picture:
    """An encoded image."""

    data: bytes
    media_type: str
    size: tuple[int, int]
    """(height, width)."""

    @property
    def num_pixels(self) -> int:
        return self.size[0] * self.size[1]


def draw(rng: np.random.Generator, size: tuple[int, int]) -> NDArray[np.uint8]:
    """(h, w, 3) RGB: smooth colours and noise."""
    height, width = size
    coarse_size = height // COARSE_PX + 2, width // COARSE_PX + 2
    coarse = rng.integers(0, 256, (*coarse_size, 3), np.uint8)
    smooth = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    noise = rng.integers(-NOISE, NOISE + 1, (height, width, 1), np.int16)
    noisy: NDArray[np.int16] = np.asarray(smooth).astype(np.int16) + noise
    return noisy.clip(0, 255).astype(np.uint8)


def encode(pixels: NDArray[np.uint8], format_: Format) -> Picture:
    """A file of these pixels."""
    file = io.BytesIO()
    image = Image.fromarray(pixels)
    if format_ == "png":
        image.save(file, "PNG", compress_level=1)
    elif format_ == "webp":
        image.save(file, "WEBP", quality=QUALITY, method=0)
    else:
        image.save(file, "JPEG", quality=QUALITY)
    size = (pixels.shape[0], pixels.shape[1])
    return Picture(data=file.getvalue(), media_type=f"image/{format_}", size=size)


def read_folder(folder: Path) -> list[Picture]:
    """Every image of a folder that a server may take, in the order of their names.

    Raises:
        Unusable: there is none.
    """
    pictures = []
    for path in sorted(folder.iterdir()):
        try:
            data = path.read_bytes()
            header = read_header(data)
        except (ServerError, IsADirectoryError):  # not an image: a text beside them, a folder
            continue
        media_type = f"image/{header.format.lower()}"
        pictures.append(Picture(data=data, media_type=media_type, size=header.size))
    if not pictures:
        raise Unusable(f"{folder} holds no JPEG, PNG or WebP file: name a folder of images")
    return pictures
