"""gzip and deflate of answers. Bodies that come in are inflated where they arrive."""

from collections.abc import Iterator

from server.codecs.deflate import compressor
from server.codecs.inflate import WINDOW_BITS
from server.codecs.pieces import Pieces, num_bytes

MIN_BYTES = 1024  # a smaller body fits a packet or two anyway
SAMPLES = 16
SAMPLE_BYTES = 2**13
WORTH = 0.8  # of the size, or it does not pay


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
    best = max(WINDOW_BITS, key=lambda name: weights.get(name, weights.get("*", 0.0)))
    weight = weights.get(best, weights.get("*", 0.0))
    return best if weight > 0 and weight >= weights.get("identity", 0.0) else None


def deflate_if_it_pays(pieces: Pieces, encoding: str) -> bytes | None:
    """A compressed body, or None where samples of it do not shrink enough. Depth hardly does."""
    whole = num_bytes(pieces)
    if whole < MIN_BYTES:
        return None
    if whole > 2 * SAMPLES * SAMPLE_BYTES:
        samples = tuple(_samples(pieces, step=whole // SAMPLES))
        if len(_deflate(samples, encoding)) > WORTH * num_bytes(samples):
            return None
    compressed = _deflate(pieces, encoding)
    return compressed if len(compressed) <= WORTH * whole else None


def _samples(pieces: Pieces, *, step: int) -> Iterator[memoryview]:
    """A little of every `step` bytes, as if the pieces were one."""
    ahead = 0  # from the beginning of the piece to the next sample
    for piece in pieces:
        view = memoryview(piece)
        places = range(ahead, len(view), step)
        yield from (view[at : at + SAMPLE_BYTES] for at in places)
        ahead += len(places) * step - len(view)


def _deflate(pieces: Pieces, encoding: str) -> bytes:
    stream = compressor(WINDOW_BITS[encoding])
    return b"".join([*map(stream.compress, pieces), stream.flush()])
