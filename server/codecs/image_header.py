"""Format and size of an image from its first bytes, without decoding or allocating anything.

Formats are known by their magic, never by a file name or a declared type. Only three are let in:
each further decoder is one more program that strangers feed. Not TIFF: a container of dozens of
codings, pages and tiles, whose decoders are the most patched of all, and whose header may stand at
the end of the file, so that it cannot be judged while it arrives. Not BMP: nothing that writes it
cannot write PNG, at a third of the bytes.
"""

import struct
from dataclasses import dataclass

from server.codecs.jpeg import JPEG_MAGIC, SIZES, jpeg_segments
from server.errors import MalformedImage, UnsupportedImage

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"

_OTHERS = {
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    b"\0\0\0\x0cjP": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL": "JPEG XL",
    b"8BPS": "Photoshop",
    b"%PDF": "PDF",
    b"%!PS": "PostScript",
    b"\xc5\xd0\xd3\xc6": "PostScript",
    b"SIMPLE  =": "FITS",
    b"<svg": "SVG",
    b"<?xml": "XML",
    b"PK\x03\x04": "ZIP",
}


@dataclass(frozen=True, kw_only=True)
class ImageHeader:
    """What an image says about itself."""

    format: str
    """"JPEG", "PNG" or "WEBP", as Pillow names them."""
    size: tuple[int, int]
    """(height, width) in pixels, as stored: before any EXIF rotation."""

    @property
    def num_pixels(self) -> int:
        return self.size[0] * self.size[1]


def read_header(data: bytes) -> ImageHeader:
    """Format and size.

    Raises:
        UnsupportedImage: another format, or none.
        MalformedImage: the header is cut off or says that a side is 0.
    """
    if data.startswith(JPEG_MAGIC):
        format_, size = "JPEG", _jpeg_size(data)
    elif data.startswith(PNG_MAGIC):
        format_, size = "PNG", _png_size(data)
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        format_, size = "WEBP", _webp_size(data)
    elif _is_cut_off(data):
        raise MalformedImage(f"the image has {len(data)} bytes: send the whole file as it is")
    else:
        raise UnsupportedImage(
            f"the image is {_guess(data)}, expected JPEG, PNG or WebP: convert it to one of these"
        )
    if size is None:
        raise MalformedImage(
            f"the {format_} header is cut off or broken ({len(data)} bytes came): "
            f"send the whole file as it is"
        )
    if 0 in size:
        raise MalformedImage(
            f"the {format_} header says {size[0]}x{size[1]} (HxW), expected 1 pixel or more on "
            f"each side: write the image again"
        )
    return ImageHeader(format=format_, size=size)


def _is_cut_off(data: bytes) -> bool:
    """Whether it may have been one of ours, before all but its first bytes were lost."""
    if not 0 < len(data) < 12:
        return False
    is_riff = b"RIFF".startswith(data[:4]) and b"WEBP".startswith(data[8:])
    return is_riff or any(magic.startswith(data) for magic in (JPEG_MAGIC, PNG_MAGIC))


def _guess(data: bytes) -> str:
    if not data:
        return "empty"
    if data[4:8] == b"ftyp":
        return "HEIF, AVIF or a video"
    for magic, name in _OTHERS.items():
        if data.startswith(magic):
            return name
    return f"of an unknown format (it starts with {data[:8].hex(' ')})"


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    for segment in jpeg_segments(data):
        if segment.marker in SIZES and segment.start + 5 <= len(data):
            height, width = struct.unpack_from(">HH", data, segment.start + 1)
            return height, width
    return None


def _png_size(data: bytes) -> tuple[int, int] | None:
    if len(data) < 33 or data[8:16] != b"\0\0\0\x0dIHDR":
        return None
    width, height = struct.unpack_from(">II", data, 16)
    return height, width


def _webp_size(data: bytes) -> tuple[int, int] | None:
    if len(data) < 30:
        return None
    chunk = data[12:16]
    if chunk == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", data, 26)
        return height & 0x3FFF, width & 0x3FFF
    if chunk == b"VP8L" and data[20] == 0x2F:
        bits = int.from_bytes(data[21:25], "little")
        return (bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1
    if chunk == b"VP8X":
        width = int.from_bytes(data[24:27], "little") + 1
        height = int.from_bytes(data[27:30], "little") + 1
        return height, width
    return None
