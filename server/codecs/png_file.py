"""PNG files by their chunks: checked, and bared of everything that is not pixels.

Pillow skips the checksums of the pixels, unpacks texts of any length and plays animations. It is
given a file with none of that.

Source of the format: W3C Portable Network Graphics, third edition, sections 5 and 11.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from server.codecs.colour_profile import MAX_PROFILE_BYTES
from server.codecs.deflate import crc32
from server.codecs.image_header import PNG_MAGIC
from server.errors import MalformedImage

GREY, RGB, PALETTE = 0, 2, 3  # colour types; the first two may have a colour key
MAX_CHUNKS = 100_000
"""64 MiB in the pieces of 8 KiB that libpng writes are 8,000; a hostile file has millions."""
_NEEDED = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}


@dataclass(frozen=True, kw_only=True)
class PngFile:
    """What decoding needs to know of a file."""

    bits: int
    """Per channel, or per index."""
    colour_type: int
    colour_key: tuple[int, ...] | None
    """The grey or the (red, green, blue) that is transparent, in `bits`. None in a palette's file,
    whose transparency stays with the palette."""
    exif: bytes
    profile: bytes
    """The colour profile, empty if there is none that can be read."""
    bare: bytes
    """The file with its pixels and its palette alone: of an animation the still image."""


def read_png(data: bytes) -> PngFile:
    """Everything but the pixels.

    Raises:
        MalformedImage: a chunk is cut off, missing, or does not match its checksum.
    """
    view = memoryview(data)
    bits, colour_type = data[24], data[25]
    key: tuple[int, ...] | None = None
    exif = profile = b""
    kept: list[bytes | memoryview] = [PNG_MAGIC]
    kinds: set[bytes] = set()
    for kind, start, end in _chunks(data):
        content = view[start + 8 : end - 4]
        if kind in _NEEDED:
            if kind in kinds and kind != b"IDAT":
                raise MalformedImage(
                    f"the PNG image has two {kind.decode()} chunks, expected one: write it again"
                )
            kinds.add(kind)
            kept.append(view[start:end])
        elif kind == b"tRNS" and colour_type in (GREY, RGB):
            if len(content) == (2 if colour_type == GREY else 6):
                shorts = range(0, len(content), 2)
                key = tuple(int.from_bytes(content[at : at + 2], "big") for at in shorts)
        elif kind == b"tRNS":
            kept.append(view[start:end])
        elif kind == b"eXIf":
            exif = bytes(content)
        elif kind == b"iCCP":
            profile = _unpacked_profile(bytes(content))
    if b"IDAT" not in kinds or (colour_type == PALETTE and b"PLTE" not in kinds):
        raise MalformedImage("the PNG image has no pixels or no palette: write it again")
    return PngFile(
        bits=bits,
        colour_type=colour_type,
        colour_key=key,
        exif=exif,
        profile=profile,
        bare=b"".join(kept),
    )


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(kind, start, end) of each chunk, its length and checksum included."""
    view = memoryview(data)
    at = len(PNG_MAGIC)
    for _ in range(MAX_CHUNKS):
        if at + 12 > len(data):
            raise MalformedImage("the PNG image ends too early: send the whole file")
        kind = data[at + 4 : at + 8]
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if end > len(data):
            raise MalformedImage("the PNG image ends too early: send the whole file")
        if crc32(view[at + 4 : end - 4], 0) != int.from_bytes(data[end - 4 : end], "big"):
            raise MalformedImage(
                f"the PNG image has a wrong checksum in its {kind.decode('ascii', 'replace')} "
                f"chunk: it was damaged on its way, send it again"
            )
        yield kind, at, end
        if kind == b"IEND":
            return
        at = end
    raise MalformedImage(
        f"the PNG image has more than {MAX_CHUNKS} chunks: write it again as a usual one"
    )


def _unpacked_profile(content: bytes) -> bytes:
    """The profile in an iCCP chunk: a name, a zero, a zero for "deflated", the deflated bytes."""
    _, _, packed = content.partition(b"\0")
    unpack = zlib.decompressobj()
    try:
        profile = unpack.decompress(packed[1:], MAX_PROFILE_BYTES)
    except zlib.error:
        return b""
    return profile if unpack.eof else b""
