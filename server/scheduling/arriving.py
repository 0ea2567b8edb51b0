"""How many bytes of bodies may be on their way in. Pure counting: no clock, no thread.

A body takes a place among the requests only when it is complete: many that trickle hold up
nobody, they cost just the bytes that have come.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from server.errors import QueueFull


class Arriving:
    """Bounds the bytes of incomplete bodies. For the event loop alone."""

    def __init__(self, *, max_bytes: int) -> None:
        self.num_bytes = 0
        self._max_bytes = max_bytes

    @contextmanager
    def body(self) -> Iterator[Callable[[int], None]]:
        """Gives the function to call for every piece. A body that is alone may have any size.

        That function raises QueueFull.
        """
        own = 0

        def grow(num_bytes: int) -> None:
            nonlocal own
            if self.num_bytes > own and self.num_bytes + num_bytes > self._max_bytes:
                raise QueueFull(
                    f"bodies of {self.num_bytes / 2**20:.1f} MiB are arriving, expected at most "
                    f"{self._max_bytes / 2**20:.1f} MiB together: come again in a second"
                )
            own += num_bytes
            self.num_bytes += num_bytes

        try:
            yield grow
        finally:
            self.num_bytes -= own
