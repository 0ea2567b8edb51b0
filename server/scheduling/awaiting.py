"""Waiting for what threads do, from the event loop: their pixels count until they are done."""

import asyncio
from collections.abc import Iterable
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

from server.scheduling.admission import Hold

T = TypeVar("T")


async def wait_for(work: "Future[T]", hold: Hold) -> T:
    """The result of a thread's work, which keeps the room until it is done."""
    loop = asyncio.get_running_loop()

    def let_go(_: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody counts any more
            loop.call_soon_threadsafe(hold.let_go)

    hold.keep()
    work.add_done_callback(let_go)
    return await asyncio.wrap_future(work)


async def wait_for_all(works: "Iterable[Future[T]]", hold: Hold) -> list[T]:
    """Every result. If one fails, what has not begun of the others never will."""
    begun: list[Future[T]] = []
    try:
        begun.extend(works)
        return await asyncio.gather(*(wait_for(work, hold) for work in begun))
    except BaseException:
        for work in begun:
            work.cancel()
        raise
