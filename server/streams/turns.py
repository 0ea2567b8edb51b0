"""First come, first served, with places taken before the wait begins."""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile

from server.errors import QueueFull

MAX_WAITING = 8  # a client that sends ahead needs two or three


class Turn:
    """A place in the line of one stream. For the event loop alone."""

    def __init__(self, turns: "Turns") -> None:
        self._turns = turns
        self.is_here = False
        """Whether its body has arrived."""
        self.all_here = asyncio.Event()
        """It, and all that came before."""
        self.is_first = asyncio.Event()

    async def arrive(self) -> None:
        """Mine is here: wait until those of all that came before are too.

        Who works on a frame sooner lets it stand in the way of others' work for as long as the slow
        body before it takes.
        """
        self.is_here = True
        self._turns.call()
        await self.all_here.wait()

    async def wait(self) -> None:
        """Until all that came before are done."""
        await self.is_first.wait()

    def done(self) -> None:
        """Let the next one go. Again does nothing."""
        self._turns.leave(self)


class Turns:
    """The line of one stream: frames enter it before their bodies have arrived."""

    def __init__(self) -> None:
        self._line: deque[Turn] = deque()

    def __len__(self) -> int:
        return len(self._line)

    def call(self) -> None:
        """Wake whoever has nobody to wait for any more."""
        if self._line:
            self._line[0].is_first.set()
        for turn in takewhile(lambda turn: turn.is_here, self._line):
            turn.all_here.set()

    def leave(self, turn: Turn) -> None:
        """Out of the line, wherever it stands."""
        if turn in self._line:
            self._line.remove(turn)
            self.call()

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
        turn = Turn(self)
        self._line.append(turn)
        self.call()
        try:
            yield turn
        finally:
            turn.done()
