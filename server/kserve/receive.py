"""A body that is one piece: counted while it arrives, within an absolute time."""

import asyncio

from starlette.requests import ClientDisconnect, Request

from server.errors import BodyTooLarge, BodyTooSlow, ClientGone


async def receive_body(request: Request, *, max_bytes: int, timeout_s: float) -> bytes:
    """All of it, still compressed if it came so.

    Raises:
        BodyTooLarge, BodyTooSlow, ClientGone
    """
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > max_bytes:
        raise BodyTooLarge(
            f"{announced} bytes are announced, this server takes at most {max_bytes}: send fewer "
            f"or smaller images"
        )
    body = bytearray()
    try:
        async with asyncio.timeout(timeout_s):
            async for piece in request.stream():
                body += piece
                if len(body) > max_bytes:
                    raise BodyTooLarge(
                        f"{len(body)} bytes have arrived, this server takes at most {max_bytes}: "
                        f"send fewer or smaller images"
                    )
    except TimeoutError as error:
        raise BodyTooSlow(
            f"{len(body)} bytes have arrived in {timeout_s:g} s, expected the whole body by then: "
            f"send smaller images or use a faster network"
        ) from error
    except ClientDisconnect as error:
        raise ClientGone(f"the client left after {len(body)} bytes") from error
    return bytes(body)
