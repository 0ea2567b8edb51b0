"""The bytes of a request's body: counted, timed, and inflated if that is allowed."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request

from server.errors import BodyTooLarge, BodyTooSlow, ClientGone, MalformedBody, UnsupportedEncoding

GZIP_WINDOW = 31  # zlib: 15 bits of window, and 16 for gzip's own header and checksum
INFLATED_PIECE_BYTES = 64 * 2**10


@dataclass(frozen=True, kw_only=True)
class BodyLimits:
    """What a body may be."""

    max_bytes: int
    """Of what arrives, and of what comes out where it is inflated."""
    timeout_s: float
    inflate: bool = False
    """Whether Content-Encoding: gzip is taken."""


async def body_pieces(
    request: Request, limits: BodyLimits, *, grow: Callable[[int], None] = lambda _: None
) -> AsyncIterator[bytes]:
    """The body, piece by piece, whatever Content-Length says.

    Args:
        request: of which nothing has been read.
        limits: the time is absolute, from the first call to the last piece.
        grow: called with the length of every piece before it is handed out; may refuse it.

    Raises:
        UnsupportedEncoding, BodyTooLarge, BodyTooSlow, MalformedBody, ClientGone
    """
    inflater = _inflater(request, limits)
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > limits.max_bytes:
        raise _too_large(f"{announced} bytes are announced", limits)
    loop = asyncio.get_running_loop()
    ends_s = loop.time() + limits.timeout_s
    arrived = num_bytes = 0
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout_at(ends_s):
                piece = await anext(stream, None)
        except TimeoutError as error:
            raise BodyTooSlow(
                f"{arrived} bytes have arrived in {limits.timeout_s:g} s, expected the whole body "
                f"by then: send a smaller image or use a faster network"
            ) from error
        except ClientDisconnect as error:
            raise ClientGone(f"the client left after {arrived} bytes") from error
        if piece is None:
            break
        arrived += len(piece)
        if arrived > limits.max_bytes:
            raise _too_large(f"{arrived} bytes have arrived", limits)
        for part in (piece,) if inflater is None else inflater.feed(piece):
            num_bytes += len(part)
            if num_bytes > limits.max_bytes:
                raise _too_large(f"{arrived} bytes inflate to {num_bytes} and more", limits)
            grow(len(part))
            yield part
    if inflater is not None:
        inflater.close()


class _Inflater:
    """gzip, a bounded piece at a time: a bomb is seen after its first bytes too many."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(GZIP_WINDOW)

    def feed(self, piece: bytes) -> Iterator[bytes]:
        try:
            while piece:
                if self._stream.eof:
                    raise MalformedBody("bytes follow the gzip stream: send one stream alone")
                out = self._stream.decompress(piece, INFLATED_PIECE_BYTES)
                piece = self._stream.unconsumed_tail or self._stream.unused_data
                if out:
                    yield out
        except zlib.error as error:
            raise MalformedBody(
                f"the body is no gzip stream ({error}): drop Content-Encoding, images are "
                f"compressed already"
            ) from error

    def close(self) -> None:
        if not self._stream.eof:
            raise MalformedBody("the gzip stream ends too early: send the whole body")


def _inflater(request: Request, limits: BodyLimits) -> _Inflater | None:
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("identity", ""):
        return None
    if limits.inflate and encoding in ("gzip", "x-gzip"):
        return _Inflater()
    accepted = "gzip, identity" if limits.inflate else "identity"
    raise UnsupportedEncoding(
        f"Content-Encoding is {encoding!r:.80}, expected {accepted.replace(', ', ' or ')}: send "
        f"images as they are, they are compressed already",
        accepted=accepted,
    )


def _too_large(what: str, limits: BodyLimits) -> BodyTooLarge:
    return BodyTooLarge(
        f"{what}, this server takes at most {limits.max_bytes}: send a smaller image, or "
        f"compress it as JPEG"
    )
