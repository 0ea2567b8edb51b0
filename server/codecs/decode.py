"""Bytes to uint8 RGB. One documented rule for everything that an image file can be.

- Size: read from the header first; an image with too many pixels is never decoded.
- EXIF orientation: applied once with orientation "display", left alone with "raw". An EXIF block
  that cannot be read counts as none.
- 16 bits per channel: the upper 8 are kept.
- Palette: looked up. Grey: repeated to three channels.
- Alpha, of palettes and colour keys too: laid over BACKGROUND. (A colour key of 16-bit grey is
  not looked at.)
- CMYK: by Pillow's plain formula. Colour profiles (ICC) are not applied: values count as sRGB.
- Animation: the first frame.
- Truncated data or a wrong checksum: refused, never half an image.

Axes: h w pixels.
"""

import io
import zlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from server.codecs.exif import exif_orientation
from server.codecs.image_header import PNG_MAGIC, ImageHeader, read_header
from server.errors import MalformedImage, TooManyPixels, Unusable

BACKGROUND = 128  # mid grey: near the mean of photographs, so no false edge is strong

# Pillow warns at 89 Mpx and raises at twice that. Our limit is checked before Pillow sees a byte.
Image.MAX_IMAGE_PIXELS = None

Orientation = Literal["display", "raw"]


@dataclass(frozen=True, kw_only=True)
class DecodedImage:
    """Pixels and where they come from."""

    pixels: NDArray[np.uint8]
    """(h, w, 3) RGB, contiguous."""
    format: str
    stored_size: tuple[int, int]
    """(height, width) in the file."""
    exif_orientation: int
    """1 to 8 as in EXIF; 1 is upright."""

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the pixels, after rotation if it was asked for."""
        return self.pixels.shape[0], self.pixels.shape[1]


@dataclass(frozen=True, kw_only=True)
class ImageLimits:
    """Which images are let in, by their header alone."""

    max_pixels: int
    min_side_px: int = 1
    max_side_px: int = 65535

    def check(self, data: bytes) -> ImageHeader:
        """The header of an image that is let in; `data` may be its first bytes.

        Raises:
            TooManyPixels, Unusable, UnsupportedImage, MalformedImage
        """
        header = read_header(data)
        height, width = header.size
        if header.num_pixels > self.max_pixels:
            raise TooManyPixels(
                f"image is {height}x{width} (HxW), {header.num_pixels / 1e6:.1f} Mpx, but this "
                f"server takes at most {self.max_pixels / 1e6:.1f} Mpx: send a smaller image"
            )
        if max(header.size) > self.max_side_px:
            raise TooManyPixels(
                f"image is {height}x{width} (HxW), but this model takes sides of at most "
                f"{self.max_side_px} px: send a smaller image"
            )
        if min(header.size) < self.min_side_px:
            raise Unusable(
                f"image is {height}x{width} (HxW), but this model takes sides of at least "
                f"{self.min_side_px} px: send a larger image"
            )
        return header


def decode_image(
    data: bytes, *, limits: ImageLimits, orientation: Orientation = "display"
) -> DecodedImage:
    """Decode by the rules at the top of this file.

    Raises:
        TooManyPixels, Unusable, UnsupportedImage, MalformedImage
    """
    header = limits.check(data)
    if header.format == "PNG":
        _check_png(data)
    try:
        image = Image.open(io.BytesIO(data), formats=(header.format,))
        if (image.height, image.width) != header.size:
            raise MalformedImage(
                f"the {header.format} file announces {header.size[0]}x{header.size[1]} (HxW) and "
                f"{image.height}x{image.width}: write the image again"
            )
        pixels = _to_rgb(image)
        turn = exif_orientation(image.info.get("exif", b""))  # in a PNG it may follow the pixels
    except (OSError, SyntaxError, ValueError, EOFError, zlib.error) as error:
        # Pillow's ways to say broken; SyntaxError is what its PNG reader raises.
        raise MalformedImage(
            f"the {header.format} image cannot be decoded ({error}): send the whole file as it is"
        ) from error
    if orientation == "display":
        pixels = _upright(pixels, turn)
    return DecodedImage(
        pixels=np.ascontiguousarray(pixels),
        format=header.format,
        stored_size=header.size,
        exif_orientation=turn,
    )


def _to_rgb(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode.startswith("I"):  # grey, 16 bits; Pillow narrows 16-bit colour by itself
        upper = (np.asarray(image) >> 8).astype(np.uint8)
        return np.repeat(upper[..., None], 3, axis=2)
    if image.has_transparency_data:
        rgba = np.asarray(image.convert("RGBA")).astype(np.uint16)
        alpha = rgba[..., 3:]
        return ((rgba[..., :3] * alpha + BACKGROUND * (255 - alpha) + 127) // 255).astype(np.uint8)
    return np.asarray(image.convert("RGB"))


def _upright(pixels: NDArray[np.uint8], turn: int) -> NDArray[np.uint8]:
    """Undo an EXIF orientation (EXIF 2.3, tag 0x0112). Returns a view."""
    if turn >= 5:  # 5 to 8 store rows as columns
        pixels = pixels.transpose(1, 0, 2)
    if turn in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if turn in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def _check_png(data: bytes) -> None:
    """Walk the chunks and compare their checksums: Pillow skips those of the pixels."""
    at = len(PNG_MAGIC)
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        kind = data[at + 4 : at + 8]
        end = at + 8 + length
        if end + 4 > len(data):
            break
        expected = int.from_bytes(data[end : end + 4], "big")
        if zlib.crc32(memoryview(data)[at + 4 : end]) != expected:
            raise MalformedImage(
                f"the PNG image has a wrong checksum in its {kind.decode('ascii', 'replace')} "
                f"chunk: it was damaged on its way, send it again"
            )
        if kind == b"IEND":
            return
        at = end + 4
    raise MalformedImage("the PNG image ends too early: send the whole file")
