"""First come, first served, with places taken before the wait begins."""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from server.errors import QueueFull

MAX_WAITING = 8  # a client that sends ahead needs two or three


class Turn:
    """A place in the line of one stream. For the event loop alone."""

    def __init__(self, line: "deque[Turn]") -> None:
        self._line = line
        self._is_first = asyncio.Event()

    async def wait(self) -> None:
        """Until all that came before are done."""
        await self._is_first.wait()

    def done(self) -> None:
        """Let the next one go. Again does nothing."""
        if self in self._line:
            self._line.remove(self)
            call_first(self._line)

    def come_first(self) -> None:
        self._is_first.set()


def call_first(line: deque[Turn]) -> None:
    """Wake whoever stands first now."""
    if line:
        line[0].come_first()


class Turns:
    """The line of one stream: frames enter it before their bodies have arrived."""

    def __init__(self) -> None:
        self._line: deque[Turn] = deque()

    def __len__(self) -> int:
        return len(self._line)

    @contextmanager
    def enter(self) -> Iterator[Turn]:
        """Stand in line; whoever leaves, for whatever reason, holds up nobody.

        Raises:
            QueueFull
        """
        if len(self._line) >= MAX_WAITING:
            raise QueueFull(
                f"{len(self._line)} frames of this stream are on their way, expected fewer than "
                f"{MAX_WAITING}: wait for answers before sending more"
            )
        turn = Turn(self._line)
        self._line.append(turn)
        call_first(self._line)
        try:
            yield turn
        finally:
            turn.done()
