"""Whether a request to upgrade is a WebSocket handshake at all. Who may open one, others say."""

import h11
from websockets.datastructures import Headers
from websockets.exceptions import InvalidHandshake
from websockets.http11 import Request
from websockets.server import ServerProtocol

from server.errors import MalformedBody


def check_handshake(request: h11.Request) -> None:
    """Refuse in our own words, which carry an id; the library would answer in plain text.

    Raises:
        MalformedBody
    """
    headers = Headers()
    for name, value in request.headers:
        headers[name.decode("ascii")] = value.decode("latin-1")
    try:
        if request.method != b"GET":
            raise InvalidHandshake(f"the method is {request.method.decode('ascii')}")
        ServerProtocol().process_request(Request(request.target.decode("ascii"), headers))
    except InvalidHandshake as error:
        raise MalformedBody(
            f"this is no WebSocket handshake ({error}), expected GET with Sec-WebSocket-Key and "
            f"Sec-WebSocket-Version: 13: let a library for WebSockets write it"
        ) from error
