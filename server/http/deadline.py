"""An end to all waiting."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from server.errors import MORE_TIME, DeadlinePassed


@asynccontextmanager
async def until(deadline_s: float, *, timeout_s: float, most_s: float) -> AsyncIterator[None]:
    """Cancel what runs inside at `deadline_s` (`time.monotonic` time).

    Args:
        deadline_s: when.
        timeout_s: how long that was from the start, for the message.
        most_s: how long it could have been.

    Raises:
        DeadlinePassed
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout_at(loop.time() + deadline_s - time.monotonic()):
            yield
    except TimeoutError as error:
        raise DeadlinePassed(
            f"no answer within {timeout_s * 1e3:g} ms, the work was dropped: {MORE_TIME}, up to "
            f"{most_s:g} s, or send fewer pixels"
        ) from error
