"""Calls in a thread that ends with them, for libraries that leave something behind in theirs."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def in_passing_thread(call: Callable[[], T]) -> T:
    """What the call returns; what it raises, this raises."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    # A daemon: at the end of the process nobody waits for an engine that is being loaded.
    thread = threading.Thread(target=run, name="passing", daemon=True)
    thread.start()
    try:
        return future.result()
    finally:
        thread.join()  # after Ctrl-C too: the process must not be torn down under native code
