"""Latencies in logarithmic buckets, as HdrHistogram has them: 1 % wide, whatever their size.

Any number of latencies takes the room of a few hundred counts, two histograms add up, and a
percentile is never off by more than a bucket. (The hdrhistogram package does the same with a C
extension; this is the part of it that is needed.)
"""

import math
from collections import Counter
from collections.abc import Iterable

GROWTH = 1.01
LEAST_S = 1e-5  # shorter ones are counted as this; no HTTP request is
_LOG_GROWTH = math.log(GROWTH)


class Histogram:
    """Counts of seconds. A request that was never answered lasts `math.inf`."""

    def __init__(self, seconds: Iterable[float] = ()) -> None:
        self._counts: Counter[int] = Counter()
        self._never = 0
        for value in seconds:
            self.add(value)

    def add(self, seconds: float) -> None:
        """Count one."""
        if math.isinf(seconds):
            self._never += 1
        else:
            self._counts[_bucket(seconds)] += 1

    def __len__(self) -> int:
        return self._counts.total() + self._never

    def __add__(self, other: "Histogram") -> "Histogram":
        both = Histogram()
        both._counts = self._counts + other._counts
        both._never = self._never + other._never
        return both

    def percentile(self, percent: float) -> float:
        """The upper end of the bucket in which the request of this rank lies; NaN if empty.

        Nearest rank: of 100 requests, percentile 99 is the 99th fastest.
        """
        if not len(self):
            return math.nan
        rank = max(1, math.ceil(len(self) * percent / 100))
        for bucket, count in sorted(self._counts.items()):
            rank -= count
            if rank <= 0:
                return _upper(bucket)
        return math.inf

    def bars(self) -> list[tuple[float, float, int]]:
        """(from, to, count) in steps of a factor 2 from the fastest to the slowest, to look at.

        An empty step in the middle is listed as well; those never answered end at infinity.
        """
        coarse: Counter[int] = Counter()
        for bucket, count in self._counts.items():
            coarse[math.floor(math.log2(_upper(bucket) / math.sqrt(GROWTH)))] += count
        bars = []
        if coarse:
            for power in range(min(coarse), max(coarse) + 1):
                bars.append((2.0**power, 2.0 ** (power + 1), coarse[power]))
        if self._never:
            bars.append((math.inf, math.inf, self._never))
        return bars


def _bucket(seconds: float) -> int:
    """Bucket i holds (LEAST_S * GROWTH^(i-1), LEAST_S * GROWTH^i]."""
    if seconds <= LEAST_S:
        return 0
    return math.ceil(math.log(seconds / LEAST_S) / _LOG_GROWTH - 1e-9)


def _upper(bucket: int) -> float:
    return LEAST_S * GROWTH**bucket
