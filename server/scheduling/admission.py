"""How much may be in the house at once. Pure counting: no clock, no thread.

A request counts from the last byte of its body until its answer is written, so that bodies, decoded
images and maps are bounded together, not only those that wait for the engine. What is still
arriving and what clients have not taken yet is bounded elsewhere (`arriving`, `http.connections`).
Pixels count on while a thread still works on them, even if nobody waits for it any more.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from server.errors import QueueFull


class Admission:
    """Bounds the number of requests, of body bytes and of pixels. For the event loop alone."""

    def __init__(self, *, max_requests: int, max_bytes: int, max_pixels: int) -> None:
        self.num_requests = 0
        self.num_bytes = 0
        self.num_pixels = 0
        self._max_requests = max_requests
        self._max_bytes = max_bytes
        self._max_pixels = max_pixels

    @contextmanager
    def request(self, num_bytes: int, *, retry_after_s: int) -> Iterator[None]:
        """Hold a place, and room for a body of so many bytes. A larger one gets in alone.

        Raises:
            QueueFull: every place is taken, or the body does not fit beside those that are there.
        """
        if self.num_requests >= self._max_requests:
            raise QueueFull(
                f"{self.num_requests} requests are in the house, expected fewer than "
                f"{self._max_requests}: come again in {retry_after_s} s",
                retry_after_s=retry_after_s,
            )
        if self.num_bytes and self.num_bytes + num_bytes > self._max_bytes:
            raise QueueFull(
                f"{num_bytes / 2**20:.1f} MiB came and bodies of {self.num_bytes / 2**20:.1f} MiB "
                f"are in the house, expected at most {self._max_bytes / 2**20:.1f} MiB together: "
                f"come again in {retry_after_s} s, and send Content-Length",
                retry_after_s=retry_after_s,
            )
        self.num_requests += 1
        self.num_bytes += num_bytes
        try:
            yield
        finally:
            self.num_requests -= 1
            self.num_bytes -= num_bytes

    @contextmanager
    def pixels(self, num_pixels: int, *, retry_after_s: int) -> Iterator["Hold"]:
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
        hold = Hold(self, num_pixels)
        try:
            yield hold
        finally:
            hold.let_go()


class Hold:
    """Room for pixels, given back when the last of its users lets go."""

    def __init__(self, admission: Admission, num_pixels: int) -> None:
        self._admission = admission
        self._num_pixels = num_pixels
        self._users = 1
        admission.num_pixels += num_pixels

    def keep(self) -> None:
        """One more user."""
        self._users += 1

    def let_go(self) -> None:
        """One user less."""
        self._users -= 1
        if self._users == 0:
            self._admission.num_pixels -= self._num_pixels
