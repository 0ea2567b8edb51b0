"""How much memory a call of the engine needs: bytes per padded pixel, learned from its peaks.

A call tells two things. What the process grew by is what it needed at least: an engine may run in
memory that an earlier call left behind. What the process holds at its peak beyond what it held when
idle is what it needed at most: others hold some of it. Both are noisy, because decoding and
encoding go on beside, so the estimate moves towards the bounds and does not jump.

Some engines keep the memory of their largest call. It is not free any more, but a call of the same
size fits into it again.
"""

from collections.abc import Iterable

from server.loading.memory import SHARE

TELLING_PX = 250_000  # a smaller call drowns in what the rest of the process does
STEP = 0.3  # of the way to a bound, per call
FACTOR = 4.0  # how far measurements may lead from what the benchmarks say


class MemoryCost:
    """Of one bundle in one engine. Each graph has its own number, and the hungriest decides: who
    has only seen images knows nothing about pairs.
    """

    def __init__(
        self,
        *,
        graphs: Iterable[str],
        expected_bytes_per_px: int,
        idle_bytes: int,
        keeps: bool = False,
    ) -> None:
        """
        Args:
            graphs: of the bundle.
            expected_bytes_per_px: by the benchmarks.
            idle_bytes: of the process with the model loaded and nothing to do.
            keeps: whether the engine keeps the memory of its largest call.
        """
        self._bytes_per_px = dict.fromkeys(graphs, float(expected_bytes_per_px))
        self._range = (expected_bytes_per_px / FACTOR, expected_bytes_per_px * FACTOR)
        self._idle_bytes = idle_bytes
        self._keeps = keeps
        self._largest_px = 0

    @property
    def bytes_per_px(self) -> float:
        """That the hungriest graph needs."""
        return max(self._bytes_per_px.values())

    def ran(self, *, num_pixels: int) -> None:
        """A call of so many padded pixels has ended well."""
        self._largest_px = max(self._largest_px, num_pixels)

    def observe(self, graph: str, *, num_pixels: int, before_bytes: int, peak_bytes: int) -> None:
        """A call of so many padded pixels took the process from `before_bytes` to its peak."""
        # Another model may have been there when this one was loaded, and be gone.
        self._idle_bytes = min(self._idle_bytes, before_bytes)
        if num_pixels < TELLING_PX:
            return
        at_least = (peak_bytes - before_bytes) / num_pixels
        at_most = (peak_bytes - self._idle_bytes) / num_pixels
        found = self._bytes_per_px[graph]
        if at_least > found:
            found += STEP * (at_least - found)
        elif at_most < found:
            found += STEP * (at_most - found)
        low, high = self._range
        self._bytes_per_px[graph] = min(max(found, low), high)

    def bytes_of(self, num_pixels: int) -> float:
        """That a call of so many padded pixels needs."""
        return num_pixels * self.bytes_per_px

    def kept_bytes(self, resident_bytes: int) -> float:
        """That the engine kept for its next call, of a process that holds so much now."""
        if not self._keeps:
            return 0.0
        beyond_idle = float(resident_bytes - self._idle_bytes)
        return max(min(beyond_idle, self.bytes_of(self._largest_px)), 0.0)

    def pixels_in(self, free_bytes: float, *, kept_bytes: float = 0.0) -> int:
        """Padded pixels that fit into what is free, with room to spare, and what was kept."""
        if free_bytes == float("inf"):
            return 2**62
        return int((SHARE * max(free_bytes, 0.0) + kept_bytes) / self.bytes_per_px)
