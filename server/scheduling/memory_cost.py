"""How much memory a call of the engine needs: bytes per padded pixel, learned from its peaks.

A call tells two things. What the process grew by is what it needed at least: an engine may run in
memory that an earlier call left behind. What the process holds at its peak beyond what it held when
idle is what it needed at most: others hold some of it. Both are noisy, because decoding and
encoding go on beside, so the estimate moves towards the bounds and does not jump.
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
        self, *, graphs: Iterable[str], expected_bytes_per_px: int, idle_bytes: int
    ) -> None:
        """
        Args:
            graphs: of the bundle.
            expected_bytes_per_px: by the benchmarks.
            idle_bytes: of the process with the model loaded and nothing to do.
        """
        self._bytes_per_px = dict.fromkeys(graphs, float(expected_bytes_per_px))
        self._range = (expected_bytes_per_px / FACTOR, expected_bytes_per_px * FACTOR)
        self._idle_bytes = idle_bytes

    @property
    def bytes_per_px(self) -> float:
        """That the hungriest graph needs."""
        return max(self._bytes_per_px.values())

    def observe(self, graph: str, *, num_pixels: int, before_bytes: int, peak_bytes: int) -> None:
        """A call of so many padded pixels took the process from `before_bytes` to its peak."""
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

    def pixels_in(self, free_bytes: float) -> int:
        """Padded pixels that fit into so much memory, with room to spare."""
        if free_bytes == float("inf"):
            return 2**62
        return int(SHARE * max(free_bytes, 0.0) / self.bytes_per_px)
