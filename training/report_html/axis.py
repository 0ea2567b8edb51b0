"""Where the ticks of an axis stand and how numbers are written."""

import math
from dataclasses import dataclass

SAME = 1e-9
"""Relative: numbers that lie closer are one number that was computed in two ways."""


@dataclass(frozen=True, kw_only=True)
class Axis:
    """From `low` to `high`, with round numbers at its ticks."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def share(self, value: float) -> float:
        """0 at low, 1 at high."""
        return (value - self.low) / (self.high - self.low)


def make_axis(low: float, high: float, *, num_ticks: int = 5) -> Axis:
    """An axis that holds both values, with about so many ticks at 1, 2 or 5 times a power of ten.

    >>> make_axis(0.0, 0.93).ticks
    (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    """
    if not high - low > SAME * max(abs(low), abs(high)):
        # A constant needs room around it too, and so does one that averaging made uneven.
        half = abs(low) * 0.1 or 1.0
        low, high = low - half, high + half
    rough = (high - low) / num_ticks
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    # Rounded, or 3 * 0.2 would read 0.6000000000000001.
    digits = max(-math.floor(math.log10(power) + 0.5), 0)
    ticks = tuple(round(index * step, digits) + 0.0 for index in range(first, last + 1))
    return Axis(low=ticks[0], high=ticks[-1], ticks=ticks)


def number(value: float) -> str:
    """Three significant digits, no more zeros than needed.

    >>> number(0.0), number(12.345), number(0.00060), number(4000.0), number(0.5), number(123456.0)
    ('0', '12.3', '0.0006', '4000', '0.5', '123k')
    """
    if not math.isfinite(value):
        return "-" if math.isnan(value) else "∞"
    size = abs(value)
    if size >= 1e6:
        return f"{value / 1e6:.3g}M"
    if size >= 1e4:
        return f"{value / 1e3:.3g}k"
    if size >= 1e3:
        return f"{value:.0f}"
    if 0 < size < 1e-4:
        return f"{value:.2g}"
    digits = 3 if size == 0 else max(2 - math.floor(math.log10(size)), 0)
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
