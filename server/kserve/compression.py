"""gzip and deflate of bodies, both ways. "deflate" is zlib's format (RFC 9110, section 8.4.1.2)."""

import zlib
from typing import Any

from server.errors import BodyTooLarge, MalformedBody, UnsupportedBody

_WINDOW_BITS = {"gzip": 31, "deflate": 15}
STEP_BYTES = 2**20

MIN_BYTES = 1024  # a smaller body fits a packet or two anyway
SAMPLES = 16
SAMPLE_BYTES = 2**13
WORTH = 0.8  # of the size, or it does not pay


def request_encoding(header: str | None, *, allowed: bool) -> str | None:
    """How a body is compressed: "gzip", "deflate" or None.

    Raises:
        UnsupportedBody: otherwise, or at all where it is not allowed.
    """
    encoding = (header or "identity").strip().lower()
    if encoding == "identity":
        return None
    if not allowed:
        raise UnsupportedBody(
            f"Content-Encoding is {header!r:.80}, expected none: images are compressed already; "
            f"the operator may allow gzip and deflate with --inflate-bodies"
        )
    if encoding not in _WINDOW_BITS:
        raise UnsupportedBody(f"Content-Encoding is {header!r:.80}, expected gzip or deflate")
    return encoding


def inflate(data: bytes, encoding: str, *, max_bytes: int) -> bytes:
    """A body as it was before it was compressed. Never holds more than `max_bytes` of it.

    Raises:
        BodyTooLarge, MalformedBody
    """
    inflater = zlib.decompressobj(_WINDOW_BITS[encoding])
    inflated = bytearray()
    rest = data
    try:
        while not inflater.eof:
            room = max_bytes + 1 - len(inflated)
            piece = inflater.decompress(rest, min(STEP_BYTES, room))
            inflated += piece
            rest = inflater.unconsumed_tail
            if len(inflated) > max_bytes:
                raise BodyTooLarge(
                    f"the body inflates to more than {max_bytes} bytes, this server takes no more: "
                    f"send smaller images"
                )
            if not piece and not rest:
                break  # it wants more, and there is none
    except zlib.error as error:
        raise MalformedBody(
            f"the body is not {encoding} ({error}): compress it in that format, or send it plain"
        ) from error
    if not inflater.eof or inflater.unused_data:
        raise MalformedBody(
            f"the {encoding} body {'goes on after its end' if inflater.eof else 'ends too early'}: "
            f"send it whole, in one piece"
        )
    return bytes(inflated)


def accepted_encoding(header: str | None) -> str | None:
    """What an answer may be compressed with by Accept-Encoding; None: send it as it is.

    >>> accepted_encoding("deflate, gzip;q=0.5")
    'deflate'
    >>> accepted_encoding("*"), accepted_encoding("gzip;q=0"), accepted_encoding(None)
    ('gzip', None, None)
    """
    weights: dict[str, float] = {}
    for part in (header or "").lower().split(","):
        name, _, rest = part.partition(";")
        key, _, value = rest.strip().partition("=")
        try:
            weight = float(value) if key.strip() == "q" else 1.0
        except ValueError:
            weight = 0.0
        weights[name.strip()] = weight
    best = max(_WINDOW_BITS, key=lambda name: weights.get(name, weights.get("*", 0.0)))
    weight = weights.get(best, weights.get("*", 0.0))
    return best if weight > 0 and weight >= weights.get("identity", 0.0) else None


def deflate_if_it_pays(body: bytes, encoding: str) -> bytes | None:
    """A compressed body, or None where samples of it do not shrink enough. Depth hardly does."""
    if len(body) < MIN_BYTES:
        return None
    view = memoryview(body)
    if len(body) > 2 * SAMPLES * SAMPLE_BYTES:
        step = len(body) // SAMPLES
        samples = [view[at : at + SAMPLE_BYTES] for at in range(0, step * SAMPLES, step)]
        if len(_deflate(samples, encoding)) > WORTH * SAMPLES * SAMPLE_BYTES:
            return None
    compressed = _deflate([view], encoding)
    return compressed if len(compressed) <= WORTH * len(body) else None


def _deflate(pieces: list[memoryview], encoding: str) -> bytes:
    compressor = _compressor(_WINDOW_BITS[encoding])
    return b"".join([*(compressor.compress(piece) for piece in pieces), compressor.flush()])


def _compressor(window_bits: int) -> Any:
    """ISA-L at its fastest level, or without it zlib at its own."""
    try:
        from isal import isal_zlib
    except ImportError:
        return zlib.compressobj(1, zlib.DEFLATED, window_bits)
    return isal_zlib.compressobj(1, isal_zlib.DEFLATED, window_bits)
