"""Who may hold a connection open. Pure policy: no clock, no socket.

Slow clients are told apart from busy ones by what they owe us: a whole request. When there is no
room, whoever has owed it for longest goes. And of those who do not take their answers, when these
fill the memory, whoever has not taken it for longest.
"""

from typing import Protocol, runtime_checkable

ACCEPTED_AT_ONCE = 256
"""asyncio takes in as many as the port's backlog before it reads from any of them."""


@runtime_checkable  # the shape checks of the tests look at it with isinstance
class Connection(Protocol):
    """What can be dropped. Hashed by identity."""

    def drop(self, reason: str) -> None:
        """Close, perhaps with a word."""


class Connections:
    """All of one server. For the event loop alone."""

    def __init__(self, *, max_connections: int, max_unsent_bytes: int) -> None:
        self._max_connections = max_connections
        self._max_unsent_bytes = max_unsent_bytes
        self._open: set[Connection] = set()
        self._closing: set[Connection] = set()
        """Of these, what was dropped: asyncio tells of their end a turn of its loop later."""
        self._incomplete: dict[Connection, None] = {}  # the longest so first
        self._unsent: dict[Connection, int] = {}  # the longest so first

    def __len__(self) -> int:
        return len(self._open)

    @property
    def num_unsent_bytes(self) -> int:
        """Of answers whose clients take them slowly."""
        return sum(self._unsent.values())

    def enter(self, connection: Connection) -> bool:
        """One more, which owes a request. False: far too many, close it."""
        if len(self._open) >= self._max_connections + ACCEPTED_AT_ONCE:
            return False
        self._open.add(connection)
        self._incomplete[connection] = None
        return True

    @property
    def is_crowded(self) -> bool:
        """Whether it is time to `make_room`."""
        return len(self._open) - len(self._closing) > self._max_connections

    def make_room(self) -> None:
        """Drop whoever has owed a request for longest.

        Call it when what has arrived was read: those who came a moment ago may owe nothing.
        """
        while self.is_crowded and self._incomplete:  # without: all are being served
            oldest = next(iter(self._incomplete))
            self.closes(oldest)  # before it does: this must end even if that fails
            oldest.drop("crowded")

    def closes(self, connection: Connection) -> None:
        """It is dropped, for whatever reason, and makes room from now on."""
        if connection in self._open:
            self._closing.add(connection)
            self._incomplete.pop(connection, None)

    def leave(self, connection: Connection) -> None:
        """It is closed. Again does nothing."""
        self._open.discard(connection)
        self._closing.discard(connection)
        self._incomplete.pop(connection, None)
        self._unsent.pop(connection, None)

    def has_request(self, connection: Connection) -> None:
        """It owes nothing: now we do."""
        self._incomplete.pop(connection, None)

    def awaits_request(self, connection: Connection) -> None:
        """It has its answer, and owes the next request. Said again, it keeps its place."""
        if connection in self._open and connection not in self._closing:
            self._incomplete.setdefault(connection)

    def is_behind(self, connection: Connection, num_bytes: int) -> None:
        """So much of its answer waits to be taken."""
        self._unsent[connection] = num_bytes
        while self.num_unsent_bytes > self._max_unsent_bytes and len(self._unsent) > 1:
            slowest = next(iter(self._unsent))
            self._unsent.pop(slowest)  # before it closes: dropping must end even if that fails
            slowest.drop("unsent")

    def caught_up(self, connection: Connection) -> None:
        """It has taken nearly all."""
        self._unsent.pop(connection, None)
