"""Calls in a thread that ends with them, for libraries that leave something behind in theirs."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def in_passing_thread(call: Callable[[], T]) -> T:
    """What the call returns; what it raises, this raises.

    Ctrl-C waits for the thread, as it waits for native code in the caller's own; a second one does
    not.
    """
    future: Future[T] = Future()
    thread = threading.Thread(target=_fulfil, args=(future, call), name="passing", daemon=True)
    thread.start()
    try:
        return future.result()
    finally:
        thread.join()
        del future  # an error's traceback would hold it, and it the error, with all that was loaded


def _fulfil(future: Future[T], call: Callable[[], T]) -> None:
    try:
        future.set_result(call())
    except BaseException as error:
        future.set_exception(error)
    finally:
        del future
