"""A rate limit that allows bursts."""


class TokenBucket:
    """Fills at `rate_per_s` up to `burst`. Zero is no limit. Times are monotonic."""

    def __init__(self, *, rate_per_s: float, burst: float) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._level = burst
        self._filled_s = float("-inf")

    def take(self, amount: float, *, now_s: float) -> float:
        """Take so much. Returns 0, or, when nothing was taken, the seconds until it is there.

        More than the bucket holds is taken from a full one, which then owes the rest: else it
        could never be had. The average rate holds all the same.
        """
        if self._rate_per_s <= 0:
            return 0.0
        level = self.level(now_s=now_s)
        missing = min(amount, self._burst) - level
        if missing > 1e-9:  # rounding must not make anybody come again in a nanosecond
            return missing / self._rate_per_s
        self._level, self._filled_s = level - amount, now_s
        return 0.0

    def level(self, *, now_s: float) -> float:
        """What is there now; below zero, what is owed."""
        if self._filled_s == float("-inf"):
            return self._level
        return min(self._burst, self._level + (now_s - self._filled_s) * self._rate_per_s)
