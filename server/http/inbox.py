"""Frames of a WebSocket that have come and wait."""

import asyncio
from collections.abc import Callable


class Inbox:
    """One, beside the one that is worked on.

    With `latest`, a new one takes the place of the one that waits: a webcam wants to know what is
    there now. Without, the sender has to wait: TCP tells it.
    """

    def __init__(self, *, latest: bool, on_dropped: Callable[[], None]) -> None:
        self._latest = latest
        self._on_dropped = on_dropped
        self._waiting: asyncio.Queue[bytes | str] = asyncio.Queue(maxsize=1)
        self.num_dropped = 0

    async def put(self, message: bytes | str) -> None:
        """Wait for room, or take it."""
        if self._latest and self._waiting.full():
            self._waiting.get_nowait()
            self.num_dropped += 1
            self._on_dropped()
        await self._waiting.put(message)

    async def take(self) -> bytes | str:
        """The oldest that waits."""
        return await self._waiting.get()
