"""How much memory a call of the engine needs: bytes per padded pixel, learned from its peaks.

A call tells two things. What the process grew by is what it needed at least: an engine may run in
memory that an earlier call left behind. What the process holds at its peak beyond what it held when
idle is what it needed at most: others hold some of it. Both are noisy, because decoding and
encoding go on beside, so the estimate moves towards the bounds and does not jump.

Some engines keep the memory of their largest call. It is not free any more, but a call of the same
size fits into it again. How much that is, a call tells that is larger than all before it.
"""

from collections.abc import Collection

from server.loading.memory import SHARE
from server.scheduling.peak_meter import Growth

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
        graphs: Collection[str],
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
        self._largest_px = dict.fromkeys(graphs, 0)
        self.kept_bytes = 0.0
        """That the engine kept for its next call: at least so much."""

    @property
    def bytes_per_px(self) -> float:
        """That the hungriest graph needs."""
        return max(self._bytes_per_px.values())

    def observe(
        self, graph: str, *, num_pixels: int, growth: Growth, answer_bytes: int = 0
    ) -> None:
        """A call of so many padded pixels let the process grow, its answer included."""
        # Another model may have been there when this one was loaded, and be gone.
        self._idle_bytes = min(self._idle_bytes, growth.before_bytes)
        if num_pixels < TELLING_PX:
            return
        if self._keeps and num_pixels > self._largest_px[graph]:
            self._keep(graph, num_pixels, growth.after_bytes - growth.before_bytes - answer_bytes)
        if growth.peak_bytes is None:
            return
        at_least = (growth.peak_bytes - growth.before_bytes) / num_pixels
        at_most = (growth.peak_bytes - self._idle_bytes) / num_pixels
        found = self._bytes_per_px[graph]
        if at_least > found:
            found += STEP * (at_least - found)
        elif at_most < found:
            found += STEP * (at_most - found)
        low, high = self._range
        self._bytes_per_px[graph] = min(max(found, low), high)

    def _keep(self, graph: str, num_pixels: int, grown_bytes: int) -> None:
        # Others may have grown meanwhile, so no more than what so many more pixels need.
        most = (num_pixels - self._largest_px[graph]) * self._bytes_per_px[graph]
        self.kept_bytes += min(max(grown_bytes, 0.0), most)
        self._largest_px[graph] = num_pixels

    def growth_of(self, num_pixels: int) -> float:
        """Bytes that a call of so many padded pixels would take of what is free."""
        return max(num_pixels * self.bytes_per_px - self.kept_bytes, 0.0)

    def pixels_in(self, free_bytes: float) -> int:
        """Padded pixels that fit into what is free and what was kept, with room to spare."""
        if free_bytes == float("inf"):
            return 2**62
        return int(SHARE * (max(free_bytes, 0.0) + self.kept_bytes) / self.bytes_per_px)
