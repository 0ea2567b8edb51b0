"""An answer that its client has not taken yet: counted with all others, and with an end.

An answer in pieces waits in the application, where asyncio does not see it. It counts whole until
its last piece has left: so long the application keeps all of its maps.
"""

import asyncio
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.http.connections import Connection, Connections

DROP_REASON = "send_timeout"


class Unsent:
    """Of one connection, over HTTP or as a WebSocket. For the event loop alone."""

    def __init__(
        self,
        connection: Connection,
        *,
        room: Connections,
        limit_s: float,
        num_buffered: Callable[[], int],
    ) -> None:
        """An answer that is not taken within `limit_s` drops the connection.

        Args:
            connection: whose answers these are.
            room: counts them.
            limit_s: from the first byte that is not taken, however fast the rest is.
            num_buffered: bytes that asyncio holds.
        """
        self._connection = connection
        self._room = room
        self._limit_s = limit_s
        self._num_buffered = num_buffered
        self._num_held = 0
        """By the application, of the answer that is being sent."""
        self._is_paused = False
        self._timer: asyncio.TimerHandle | None = None

    def around(self, app: ASGIApp) -> ASGIApp:
        """The same application, whose answers count until the protocol says that they are given."""

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            async def send_counted(message: Message) -> None:
                await send(message)  # the head waits until the answer before this one is taken
                if message["type"] == "http.response.start":
                    length = Headers(raw=message.get("headers", [])).get("content-length", "0")
                    self._num_held = int(length)

            await app(scope, receive, send_counted)

        return counted

    def paused(self) -> None:
        """asyncio has enough: the client takes less than we write."""
        self._is_paused = True
        self._count()
        self.hurry()

    def resumed(self) -> None:
        """asyncio has written nearly all. The time goes on while the application has more."""
        self._is_paused = False
        if not self._num_held:
            self._caught_up()

    def given(self) -> None:
        """The application has given its last byte away."""
        self._num_held = 0
        if self._is_paused:
            self._count()
        else:
            self._caught_up()

    def hurry(self) -> None:
        """What asyncio still has must be taken in time. Said again, the time goes on."""
        if self._timer is None and self._num_buffered():
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._limit_s, self._connection.drop, DROP_REASON)

    def forget(self) -> None:
        """The connection is closed, or another protocol's."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _count(self) -> None:
        self._room.is_behind(self._connection, self._num_buffered() + self._num_held)

    def _caught_up(self) -> None:
        self._room.caught_up(self._connection)
        self.forget()
