"""The bytes of a request's body: counted, timed, and inflated if that is allowed."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request

from server.codecs.inflate import WINDOW_BITS, Inflater
from server.config import ServerConfig
from server.errors import BodyTooLarge, BodyTooSlow, ClientGone, UnsupportedEncoding


@dataclass(frozen=True, kw_only=True)
class BodyLimits:
    """What a body may be."""

    max_bytes: int
    """Of what arrives, and of what comes out where it is inflated."""
    timeout_s: float
    inflate: bool = False
    """Whether Content-Encoding gzip and deflate are taken."""

    @classmethod
    def of(cls, config: ServerConfig) -> "BodyLimits":
        """Of every body that holds images."""
        return cls(
            max_bytes=config.max_body_bytes,
            timeout_s=config.body_timeout_s,
            inflate=config.inflate_bodies,
        )


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
                await asyncio.sleep(0)  # one piece may become a thousand: others have their turn
    if inflater is not None:
        inflater.close()


async def whole_body(
    request: Request, limits: BodyLimits, *, grow: Callable[[int], None] = lambda _: None
) -> bytes:
    """All of it in one piece. See `body_pieces`."""
    body = bytearray()
    async for piece in body_pieces(request, limits, grow=grow):
        body += piece
    return bytes(body)


def _inflater(request: Request, limits: BodyLimits) -> Inflater | None:
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("identity", ""):
        return None
    known = "gzip" if encoding == "x-gzip" else encoding  # its old name
    if limits.inflate and known in WINDOW_BITS:
        return Inflater(known)
    accepted = [*(WINDOW_BITS if limits.inflate else ()), "identity"]
    raise UnsupportedEncoding(
        f"Content-Encoding is {encoding!r:.80}, expected {' or '.join(accepted)}: send images as "
        f"they are, they are compressed already"
        f"{'' if limits.inflate else '; the operator may allow more with --inflate-bodies'}",
        accepted=", ".join(accepted),
    )


def _too_large(what: str, limits: BodyLimits) -> BodyTooLarge:
    return BodyTooLarge(
        f"{what}, this server takes at most {limits.max_bytes}: send a smaller image, or "
        f"compress it as JPEG"
    )
