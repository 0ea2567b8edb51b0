"""HTTP by hand: what a client library would tidy up before it is sent."""

import json
import select
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Answer:
    """As it came."""

    status: int
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes

    @property
    def code(self) -> str:
        """Of an error in our form, whose status and id agree with the head."""
        error = json.loads(self.body)["error"]
        assert error["status"] == self.status
        assert error["request_id"] == self.headers["x-request-id"]
        return str(error["code"])

    @property
    def message(self) -> str:
        return str(json.loads(self.body)["error"]["message"])


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def read_answer(connection: socket.socket) -> Answer:
    """One answer with a Content-Length, or without a body."""
    with connection.makefile("rb") as file:
        status = int(file.readline().split()[1])
        headers: dict[str, str] = {}
        while (line := file.readline()) != b"\r\n":
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        body = file.read(int(headers.get("content-length", 0)))
    return Answer(status=status, headers=headers, body=body)


def drip(connection: socket.socket, piece: Callable[[int], bytes]) -> Answer:
    """Send piece after piece until the answer comes; each would restart an idle timer."""
    for number in range(500):  # ten seconds: no deadline of a test is near
        if select.select([connection], [], [], 0.02)[0]:
            return read_answer(connection)
        connection.sendall(piece(number))
    raise AssertionError("every piece has won more time")


def head(method: str, target: str, *lines: str, host: str = "x") -> bytes:
    """A request without its body."""
    return "\r\n".join((f"{method} {target} HTTP/1.1", f"Host: {host}", *lines, "", "")).encode()


def ask(port: int, request: bytes) -> Answer:
    """One request on a connection of its own."""
    with connect(port) as connection:
        connection.sendall(request)
        return read_answer(connection)


def chunk(data: bytes) -> bytes:
    """One piece of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def form(boundary: str, *parts: tuple[str, bytes], end: bool = True) -> bytes:
    """A multipart body of (lines of the head, content)."""
    pieces = [
        f"--{boundary}\r\n{lines}\r\n\r\n".encode() + content + b"\r\n" for lines, content in parts
    ]
    return b"".join(pieces) + (f"--{boundary}--\r\n".encode() if end else b"")


def part(name: str, extra: str = "") -> str:
    """The head of a part."""
    return f'Content-Disposition: form-data; name="{name}"{extra}'


def upgrade(target: str, *lines: str, key: str = "dGhlIHNhbXBsZSBub25jZQ==") -> bytes:
    """A WebSocket handshake."""
    words: Any = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
    return head("GET", target, *words, f"Sec-WebSocket-Key: {key}", *lines)
