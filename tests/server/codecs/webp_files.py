"""WebP files written by hand: every lie about their size.

Source of the format: RFC 9649, sections 2 and 3.4.
"""

from tests.server.serving import encoded, plain

_FILE = encoded(plain(16, 16, (1, 2, 3)), "WEBP", lossless=True)
_STREAM = _FILE[20 : 20 + int.from_bytes(_FILE[16:20], "little")]  # of 16x16 pixels

HAS_ANIMATION = 2


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    """A file of chunks."""
    body = b"WEBP" + b"".join(_chunk(kind, content) for kind, content in chunks)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def lossless(height: int, width: int) -> bytes:
    """Pixels of 16x16 whose header says another size."""
    bits = int.from_bytes(_STREAM[1:5], "little") & ~0xFFFFFFF
    size = (bits | (width - 1) | ((height - 1) << 14)).to_bytes(4, "little")
    return riff((b"VP8L", _STREAM[:1] + size + _STREAM[5:]))


def extended(height: int, width: int, *, frame: bytes | None = None) -> bytes:
    """A canvas of this size around a frame, or around 16x16."""
    stream = _STREAM if frame is None else frame[20:]
    return riff((b"VP8X", _canvas(height, width, flags=0)), (b"VP8L", stream))


def animated(height: int, width: int, *, num_frames: int = 1) -> bytes:
    """Frames of 16x16 on a canvas of this size."""
    place = bytes(6) + _less_one(16) + _less_one(16) + (100).to_bytes(3, "little") + b"\0"
    frame = (b"ANMF", place + _chunk(b"VP8L", _STREAM))
    canvas = (b"VP8X", _canvas(height, width, flags=HAS_ANIMATION))
    return riff(canvas, (b"ANIM", bytes(6)), *[frame] * num_frames)


def _canvas(height: int, width: int, *, flags: int) -> bytes:
    return flags.to_bytes(4, "little") + _less_one(width) + _less_one(height)


def _less_one(side: int) -> bytes:
    return (side - 1).to_bytes(3, "little")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return kind + len(content).to_bytes(4, "little") + content + b"\0" * (len(content) % 2)
