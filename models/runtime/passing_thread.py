"""Calls in a thread that ends with them, for libraries that leave something behind in theirs."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def in_passing_thread(call: Callable[[], T]) -> T:
    """What the call returns. Whatever it raises, this raises."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    # A daemon: at the end of the process nobody waits for an engine that is being loaded.
    threading.Thread(target=run, name=f"passing-{call.__name__}", daemon=True).start()
    return future.result()
