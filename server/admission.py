"""How much may be in the house at once. Pure counting: no clock, no thread.

A request counts from the first byte of its body to the last of its answer, so that bodies,
decoded images and maps are bounded together, not only those that wait for the engine.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from server.errors import QueueFull


class Admission:
    """Bounds the number of requests and of pixels. Used from the event loop alone."""

    def __init__(self, *, max_requests: int, max_pixels: int) -> None:
        self.num_requests = 0
        self.num_pixels = 0
        self._max_requests = max_requests
        self._max_pixels = max_pixels

    @contextmanager
    def request(self, *, retry_after_s: int) -> Iterator[None]:
        """Hold a place.

        Raises:
            QueueFull: every place is taken.
        """
        if self.num_requests >= self._max_requests:
            raise QueueFull(
                f"{self.num_requests} requests are in the house, expected fewer than "
                f"{self._max_requests}: come again in {retry_after_s} s",
                retry_after_s=retry_after_s,
            )
        self.num_requests += 1
        try:
            yield
        finally:
            self.num_requests -= 1

    @contextmanager
    def pixels(self, num_pixels: int, *, retry_after_s: int) -> Iterator[None]:
        """Hold room for decoded pixels. An image beyond the limit still gets in alone.

        Raises:
            QueueFull: they do not fit beside those that are there.
        """
        if self.num_pixels and self.num_pixels + num_pixels > self._max_pixels:
            raise QueueFull(
                f"{num_pixels / 1e6:.1f} Mpx came and {self.num_pixels / 1e6:.1f} Mpx are in the "
                f"house, expected at most {self._max_pixels / 1e6:.1f} Mpx together: come again "
                f"in {retry_after_s} s",
                retry_after_s=retry_after_s,
            )
        self.num_pixels += num_pixels
        try:
            yield
        finally:
            self.num_pixels -= num_pixels
