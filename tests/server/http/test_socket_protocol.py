"""What a WebSocket's client may cost. What it does not take is in test_unsent."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from server.http.socket_protocol import FREE_FRAMES, BoundedSocket
from server.http.uvicorn_options import uvicorn_options
from server.watching.telemetry import Telemetry
from tests.server.raw_http import upgrade
from tests.server.serving import config_for

TEXT, BINARY, CLOSE, PING, PONG = 0x81, 0x82, 0x88, 0x89, 0x8A  # RFC 6455, section 5.2
FIRST_PIECE, NEXT_PIECE, LAST_PIECE = 0x02, 0x00, 0x80


def frame(kind: int, content: bytes) -> bytes:
    """Of a client: masked, here by zeros, which change nothing. Up to 125 bytes."""
    return bytes([kind, 0x80 | len(content)]) + bytes(4) + content


class Pipe(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return len(self.written)

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    abort = close

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def taken(self) -> bytes:
        """All of it, which leaves nothing."""
        written, self.written = self.written, b""
        return written


def converse(steps: Callable[[BoundedSocket, Pipe], Awaitable[None]]) -> list[bytes]:
    """Shake hands, take the steps. Returns the messages that the application saw."""
    messages: list[bytes] = []
    opened = asyncio.Event()

    async def app(_: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        opened.set()
        await receive()  # the handshake
        while (message := await receive())["type"] == "websocket.receive":
            messages.append(message["bytes"])

    async def run() -> None:
        options = uvicorn_options(config_for(Path()), Telemetry())
        config = uvicorn.Config(app, log_config=None, lifespan="off", **options)
        config.load()
        make: Any = config.ws_protocol_class
        socket = make(config=config, server_state=ServerState(), app_state={})
        assert isinstance(socket, BoundedSocket)
        pipe = Pipe()
        socket.connection_made(pipe)
        socket.data_received(upgrade("/"))
        await opened.wait()
        assert pipe.taken().startswith(b"HTTP/1.1 101")
        await steps(socket, pipe)
        socket.connection_lost(None)
        await asyncio.gather(*socket.tasks)

    asyncio.run(run())
    return messages


def send(pieces: Iterable[bytes]) -> tuple[list[bytes], bytes]:
    """Messages that came through, and what the server said besides."""
    said = b""

    async def steps(socket: BoundedSocket, pipe: Pipe) -> None:
        nonlocal said
        for piece in pieces:
            socket.data_received(piece)
            if pipe.closing:
                break
            await asyncio.sleep(0)
        said = pipe.taken()

    return converse(steps), said


def message(num_pieces: int, piece: bytes) -> Iterable[bytes]:
    yield frame(FIRST_PIECE, piece)
    for _ in range(num_pieces - 2):
        yield frame(NEXT_PIECE, piece)
    yield frame(LAST_PIECE, piece)


def test_a_message_in_pieces_is_one_message() -> None:
    assert send([*message(3, b"ab"), *message(2, b"cd")]) == ([b"ababab", b"cdcd"], b"")


def test_short_pieces_are_free_up_to_a_number() -> None:
    piece = b"x" * 125
    assert send(message(FREE_FRAMES, piece)) == ([piece * FREE_FRAMES], b"")


def test_a_message_of_tiny_or_empty_pieces_ends_the_connection() -> None:
    for piece in (b"", b"x"):
        messages, said = send(message(2 * FREE_FRAMES, piece))
        assert messages == []
        assert said[0] == CLOSE
        assert int.from_bytes(said[2:4], "big") == 1008


def test_a_ping_is_answered() -> None:
    assert send([frame(PING, b"a"), frame(PING, b"b")]) == ([], bytes([PONG, 1]) + b"a\x8a\x01b")


def test_a_flood_of_pings_behind_an_answer_that_is_not_taken_has_one_pong() -> None:
    async def steps(socket: BoundedSocket, pipe: Pipe) -> None:
        pipe.write(b"an answer")
        socket.pause_writing()
        for number in range(1000):
            socket.data_received(frame(PING, b"%d" % number))
        assert pipe.taken() == b"an answer"
        socket.resume_writing()
        assert pipe.taken() == bytes([PONG, 3]) + b"999"
        socket.data_received(frame(PING, b"next"))
        assert pipe.taken() == bytes([PONG, 4]) + b"next"

    converse(steps)


def test_a_client_that_sends_ahead_need_not_answer_pings() -> None:
    async def steps(socket: BoundedSocket, pipe: Pipe) -> None:
        for _ in range(2):
            socket.send_keepalive_ping()  # its pong would stand behind frames that are not read
            assert pipe.taken()[0] == PING
            assert socket.pong_timer is None
            assert socket.ping_timer is not None

    converse(steps)
