"""Ends streams whose time is up, though nobody asks for them any more."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from server.streams.table import StreamTable


@asynccontextmanager
async def sweeping(streams: StreamTable) -> AsyncIterator[None]:
    """While inside, their memory is given back soon after it expires."""

    async def sweep() -> None:
        while True:
            await asyncio.sleep(min(1.0, streams.idle_s))
            streams.expire(now_s=time.monotonic())

    task = asyncio.create_task(sweep())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
