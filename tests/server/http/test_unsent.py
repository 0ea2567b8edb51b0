"""What a client has not taken: how it is counted, and when its time is up."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.types import Message, Receive, Scope, Send

from server.http.connections import Connections
from server.http.unsent import Unsent


class Taken:
    """A connection of which asyncio holds `buffered` bytes."""

    def __init__(self, *, limit_s: float = 60.0) -> None:
        self.dropped = asyncio.Event()
        self.buffered = 0
        self.room = Connections(max_connections=9, max_unsent_bytes=10_000)
        self.unsent = Unsent(
            self, room=self.room, limit_s=limit_s, num_buffered=lambda: self.buffered
        )

    def drop(self, reason: str) -> None:
        assert reason == "send_timeout"
        self.dropped.set()

    async def answer(self, length: int) -> None:
        """The application begins an answer of so many bytes."""

        head: Message = {
            "type": "http.response.start",
            "headers": [(b"content-length", str(length).encode())],
        }

        async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
            await send(head)

        async def send(_: Message) -> None:
            return

        async def receive() -> Message:
            raise AssertionError("not asked for")

        await self.unsent.around(app)({}, receive, send)

    def pause(self, buffered: int) -> None:
        self.buffered = buffered
        self.unsent.paused()

    def resume(self) -> None:
        self.buffered = 0
        self.unsent.resumed()


def run(steps: Callable[[Taken], Awaitable[None]], **options: float) -> None:
    async def begin() -> None:
        await steps(Taken(**options))

    asyncio.run(begin())


def test_an_answer_counts_whole_until_its_last_byte_was_given_away() -> None:
    async def steps(client: Taken) -> None:
        await client.answer(1000)
        assert client.room.num_unsent_bytes == 0  # it may be quick
        client.pause(70)
        assert client.room.num_unsent_bytes == 1070
        client.resume()
        assert client.room.num_unsent_bytes == 1070  # the application has all of it still
        client.pause(30)
        client.unsent.given()
        assert client.room.num_unsent_bytes == 30
        client.resume()
        assert client.room.num_unsent_bytes == 0

    run(steps)


def test_the_time_goes_on_while_pieces_of_the_same_answer_follow() -> None:
    async def steps(client: Taken) -> None:
        await client.answer(1000)
        client.pause(70)
        client.resume()
        client.pause(70)
        await asyncio.wait_for(client.dropped.wait(), 10)

    run(steps, limit_s=0.0)


def test_the_next_answer_has_its_own_time() -> None:
    async def steps(client: Taken) -> None:
        await client.answer(1000)
        client.pause(70)
        client.unsent.given()
        client.resume()
        await client.answer(1000)  # over the same connection
        await asyncio.sleep(0)  # whatever is due, at 0 s, runs now
        await asyncio.sleep(0)
        assert not client.dropped.is_set()

    run(steps, limit_s=0.0)


def test_what_is_left_when_a_connection_closes_must_be_taken_in_time() -> None:
    async def steps(client: Taken) -> None:
        client.unsent.hurry()  # there is nothing
        client.buffered = 70
        client.unsent.hurry()
        await asyncio.wait_for(client.dropped.wait(), 10)

    run(steps, limit_s=0.0)
