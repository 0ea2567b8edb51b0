"""JPEG files: their segments, their pixels, and a writer.

By `simplejpeg`, which is libjpeg-turbo, as Pillow's is, and gives the same values in two thirds of
the time. It also reports the damage that Pillow shows as grey: a picture cut short and ended
properly.

Source of the format: ITU T.81, annex B; ICC.1:2022, annex B.4 (profiles in segments).
"""

import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from server.errors import MalformedImage

JPEG_MAGIC = b"\xff\xd8\xff"
MAX_MARKERS = 10_000
"""Before the first scan, bytes that fill between them included. A panorama has hundreds, since one
holds 64 KiB of its notes at most; a hostile file has millions, each of them a step in Python."""
MAX_SCANS = 64
"""A progressive file has ten or so. Each one costs a pass over all pixels, however few bytes it is:
a hostile file has thousands."""

# SOF0-15 (T.81, table B.1) without DHT, JPG and DAC, which share their range.
SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_STANDALONE = {0x01, *range(0xD0, 0xD8)}
_SCAN, _END = 0xDA, 0xD9
_APPLICATION, _COMMENT = range(0xE0, 0xF0), 0xFE
_EXIF, _ICC, _ADOBE = 0xE1, 0xE2, 0xEE
_EXIF_NAME, _ICC_NAME = b"Exif\0\0", b"ICC_PROFILE\0"
_MAX_COMMENT_BYTES = 65533
MAX_SIDE_PX = 65535


@dataclass(frozen=True, kw_only=True)
class JpegSegment:
    """One marker with its content, data[start:end]."""

    marker: int
    start: int
    end: int


def jpeg_segments(data: bytes) -> Iterator[JpegSegment]:
    """The segments before the first scan, and that scan's own; ends early where data does.

    Raises:
        MalformedImage: they do not come to an end.
    """
    at = 2
    for _ in range(MAX_MARKERS):
        if at + 4 > len(data) or data[at] != 0xFF:
            return
        marker = data[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
        elif marker in _STANDALONE:
            at += 2
        elif marker == _END:
            return
        else:
            end = at + 2 + max(2, int.from_bytes(data[at + 2 : at + 4], "big"))
            yield JpegSegment(marker=marker, start=at + 4, end=end)
            if marker == _SCAN:
                return
            at = end
    raise MalformedImage(
        f"the JPEG image has more than {MAX_MARKERS} markers before its pixels: write it again as "
        f"a usual one"
    )


@dataclass(frozen=True, kw_only=True)
class JpegFile:
    """What decoding needs to know of a file."""

    bits: int
    """Per channel."""
    num_channels: int
    exif: bytes
    """The block, empty if there is none."""
    profile: bytes
    """The colour profile, empty if there is none or a part is missing."""
    bare: bytes
    """The file without what others wrote into it: no EXIF, no thumbnails, no comments."""


def read_jpeg(data: bytes) -> JpegFile:
    """Everything but the pixels.

    Raises:
        MalformedImage: there is no scan, or there are too many.
    """
    bits = num_channels = 0
    exif = b""
    parts: dict[int, bytes] = {}
    num_parts = 0
    kept = [data[:2]]
    scan_at = 0
    for segment in jpeg_segments(data):
        content = data[segment.start : segment.end]
        if segment.marker in SIZES and len(content) >= 6:
            bits, num_channels = content[0], content[5]
        elif segment.marker == _EXIF and content.startswith(_EXIF_NAME) and not exif:
            exif = content
        elif segment.marker == _ICC and content.startswith(_ICC_NAME) and len(content) > 14:
            parts[content[12]], num_parts = content[14:], content[13]
        if segment.marker == _SCAN:
            scan_at = segment.start - 4
        elif segment.marker == _ADOBE or segment.marker not in (*_APPLICATION, _COMMENT):
            kept.append(data[segment.start - 4 : segment.end])
    if scan_at == 0:
        raise MalformedImage("the JPEG image ends before its pixels: send the whole file")
    # Inside of a scan 0xFF is always followed by 0x00 or by a restart marker.
    num_scans = data.count(b"\xff\xda", scan_at)
    if num_scans > MAX_SCANS:
        raise MalformedImage(
            f"the JPEG image has {num_scans} scans, expected at most {MAX_SCANS}: write it again "
            f"as a usual one"
        )
    whole = sorted(parts) == list(range(1, num_parts + 1))
    return JpegFile(
        bits=bits,
        num_channels=num_channels,
        exif=exif,
        profile=b"".join(parts[index] for index in sorted(parts)) if whole else b"",
        bare=b"".join((*kept, data[scan_at:])),
    )


def decode_jpeg(file: JpegFile, *, size: tuple[int, int]) -> NDArray[np.uint8]:
    """(h, w, 3) RGB, or (h, w, 4) ink (cyan, magenta, yellow, black; 0 is none).

    Never a draft: every pixel at its full value.

    Args:
        file: what `read_jpeg` made of it.
        size: (height, width) that was let in. The decoder may read a hostile file otherwise than
            we did, so it is asked before it takes memory.

    Raises:
        MalformedImage: it is damaged or cut short, or of another size.
    """
    if file.bits != 8:
        raise MalformedImage(
            f"the JPEG image has {file.bits} bits per channel, expected 8: write it again as a "
            f"usual one"
        )
    space = "CMYK" if file.num_channels == 4 else "RGB"
    try:
        height, width = simplejpeg.decode_jpeg_header(file.bare)[:2]
        if (height, width) != size:
            raise ValueError(f"its size is {size[0]}x{size[1]} and {height}x{width} (HxW)")
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(file.bare, space, strict=True)
    except ValueError as error:
        raise MalformedImage(
            f"the JPEG image cannot be decoded ({error}): send the whole file as it is"
        ) from error
    # Ink is stored the other way round: Photoshop began it, and every program does it since.
    return pixels if space == "RGB" else 255 - pixels


def write_jpeg(pixels: NDArray[np.uint8], *, quality: int, meta: Mapping[str, object]) -> bytes:
    """A JPEG file of (h, w, 3) RGB.

    Args:
        pixels: no side longer than 65535, the format's limit.
        quality: 1 to 100.
        meta: written as JSON into a comment; left out where it is too long for one (64 KiB).
    """
    file: bytes = simplejpeg.encode_jpeg(
        np.ascontiguousarray(pixels), quality, colorsubsampling="420"
    )
    text = json.dumps(meta, separators=(",", ":"), allow_nan=False).encode("ascii")
    if len(text) > _MAX_COMMENT_BYTES:
        return file
    comment = struct.pack(">BBH", 0xFF, _COMMENT, len(text) + 2) + text
    # Behind the JFIF segment, which has to be the first.
    first = next(jpeg_segments(file))
    return b"".join((file[: first.end], comment, file[first.end :]))
