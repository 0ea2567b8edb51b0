"""Bytes to uint8 RGB. One documented rule for everything that an image file can be.

- Size: read from the header first; an image with too many pixels is never decoded.
- EXIF orientation: applied once with orientation "display", left alone with "raw". An EXIF block
  that cannot be read counts as none; other notes of an orientation (XMP) are not looked at.
- 16 bits per channel: the upper 8 are kept. Fewer than 8: spread over 0 to 255.
- Palette: looked up. Grey: repeated to three channels.
- Colour profile (ICC): converted to sRGB; without one values count as sRGB. PNG's gAMA, cHRM and
  cICP are not looked at.
- CMYK: by its profile, without one by Pillow's plain formula.
- Alpha, of palettes and colour keys too: laid over BACKGROUND. In 16-bit colour the upper 8 bits
  are compared with the key.
- Animation: the first frame; of a PNG the still image, which programs without animation show.
- Truncated data or a wrong checksum, and any damage that the JPEG decoder notices: refused, never
  half an image.

Axes: h w pixels.
"""

import io
import struct
import zlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from server.codecs.colour_profile import ink_to_srgb, to_srgb
from server.codecs.exif import exif_orientation
from server.codecs.image_header import ImageHeader, read_header
from server.codecs.jpeg import decode_jpeg, read_jpeg
from server.codecs.pixel_refusal import too_many_pixels
from server.codecs.png_file import GREY, PngFile, read_png
from server.errors import MalformedImage, TooManyPixels, Unusable

BACKGROUND = 128  # mid grey: near the mean of photographs, so no false edge is strong

_BLOCK = 2**15  # pixels at a time: what is between takes 20 bytes for each
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
    fitting_pixels: int | None = None
    """That the memory holds now; None where that is no matter."""
    min_side_px: int = 1
    max_side_px: int = 65535

    def check(self, data: bytes) -> ImageHeader:
        """The header of an image that is let in; `data` may be its first bytes.

        Raises:
            TooManyPixels, Unusable, UnsupportedImage, MalformedImage
        """
        header = read_header(data)
        self.check_size(header.size)
        return header

    def check_size(self, size: tuple[int, int]) -> None:
        """Whether an image of so many (height, width) pixels is let in.

        Raises:
            TooManyPixels, Unusable
        """
        height, width = size
        fitting_px = self.max_pixels if self.fitting_pixels is None else self.fitting_pixels
        refusal = too_many_pixels(size, allowed_px=self.max_pixels, fitting_px=fitting_px)
        if refusal is not None:
            raise refusal
        if max(size) > self.max_side_px:
            raise TooManyPixels(
                f"image is {height}x{width} (HxW), but this model takes sides of at most "
                f"{self.max_side_px} px: send a smaller image"
            )
        if min(size) < self.min_side_px:
            raise Unusable(
                f"image is {height}x{width} (HxW), but this model takes sides of at least "
                f"{self.min_side_px} px: send a larger image"
            )


def decode_image(
    data: bytes, *, limits: ImageLimits, orientation: Orientation = "display"
) -> DecodedImage:
    """Decode by the rules at the top of this file.

    Raises:
        TooManyPixels, Unusable, UnsupportedImage, MalformedImage
    """
    header = limits.check(data)
    try:
        decoded = _decode(data, header)
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error) as error:
        # Pillow's ways to say broken; SyntaxError is what its PNG reader raises.
        raise MalformedImage(
            f"the {header.format} image cannot be decoded ({error}): send the whole file as it is"
        ) from error
    pixels = decoded.colours if decoded.alpha is None else _over_background(decoded)
    turn = exif_orientation(decoded.exif)
    if orientation == "display":
        pixels = _upright(pixels, turn)
    return DecodedImage(
        pixels=np.ascontiguousarray(pixels),
        format=header.format,
        stored_size=header.size,
        exif_orientation=turn,
    )


@dataclass(frozen=True, kw_only=True)
class _Decoded:
    colours: NDArray[np.uint8]
    """(h, w, 3) sRGB."""
    alpha: NDArray[np.uint8] | None
    """(h, w); None where all is opaque."""
    exif: bytes


def _decode(data: bytes, header: ImageHeader) -> _Decoded:
    if header.format == "JPEG":
        return _decode_jpeg(data, header)
    if header.format == "PNG":
        file = read_png(data)
        colours, alpha = _png_pixels(_open(file.bare, header), file)
        return _Decoded(colours=to_srgb(colours, file.profile), alpha=alpha, exif=file.exif)
    image = _open(data, header)
    colours, alpha = _split_alpha(image)
    profile = image.info.get("icc_profile") or b""
    exif = image.info.get("exif") or b""
    return _Decoded(colours=to_srgb(colours, profile), alpha=alpha, exif=exif)


def _decode_jpeg(data: bytes, header: ImageHeader) -> _Decoded:
    file = read_jpeg(data)
    pixels = decode_jpeg(file, size=header.size)
    convert = ink_to_srgb if pixels.shape[2] == 4 else to_srgb
    return _Decoded(colours=convert(pixels, file.profile), alpha=None, exif=file.exif)


def _open(data: bytes, header: ImageHeader) -> Image.Image:
    image = Image.open(io.BytesIO(data), formats=(header.format,))
    if (image.height, image.width) != header.size:  # nothing larger than what was let in
        raise MalformedImage(
            f"the {header.format} file announces {header.size[0]}x{header.size[1]} (HxW) and "
            f"{image.height}x{image.width}: write the image again"
        )
    return image


def _png_pixels(
    image: Image.Image, file: PngFile
) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    if file.colour_type == GREY:  # Pillow scales 1, 2 and 4 bits to 8, and keeps 16
        levels = np.asarray(image.convert("L") if image.mode == "1" else image)
        grey = (levels >> 8).astype(np.uint8) if levels.dtype.itemsize > 1 else levels
        colours = np.repeat(grey[..., None], 3, axis=2)
        if file.colour_key is None:
            return colours, None
        key = file.colour_key[0]
        if file.bits < 8:
            key *= 255 // (2**file.bits - 1)
        return colours, np.where(levels == key, 0, 255).astype(np.uint8)
    colours, alpha = _split_alpha(image)
    if file.colour_key is not None:
        key_colour = [channel >> 8 if file.bits == 16 else channel for channel in file.colour_key]
        alpha = np.where((colours == key_colour).all(axis=2), 0, 255).astype(np.uint8)
    return colours, alpha


def _split_alpha(image: Image.Image) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    if image.has_transparency_data:
        rgba = np.asarray(image if image.mode == "RGBA" else image.convert("RGBA"))
        return np.ascontiguousarray(rgba[..., :3]), rgba[..., 3]
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB")), None


def _over_background(decoded: _Decoded) -> NDArray[np.uint8]:
    assert decoded.alpha is not None
    if int(decoded.alpha.min()) == 255:  # most screenshots
        return decoded.colours
    over = np.empty_like(decoded.colours)
    rows = max(1, _BLOCK // over.shape[1])
    for top in range(0, over.shape[0], rows):
        part = slice(top, top + rows)
        alpha = decoded.alpha[part, :, None].astype(np.uint16)
        mixed = decoded.colours[part] * alpha + BACKGROUND * (255 - alpha) + 127
        over[part] = mixed // 255
    return over


def _upright(pixels: NDArray[np.uint8], turn: int) -> NDArray[np.uint8]:
    """Undo an EXIF orientation (EXIF 2.3, tag 0x0112). Returns a view."""
    if turn >= 5:  # 5 to 8 store rows as columns
        pixels = pixels.transpose(1, 0, 2)
    if turn in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if turn in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels
