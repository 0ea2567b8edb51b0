"""Lines over numbers, or over named places."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from training.report_html.axis import make_axis, number
from training.report_html.blocks import Chart, Role
from training.report_html.frame import draw_frame, make_frame

MARKED_POINTS = 24
"""Lines of up to so many points show them."""
NEAR_ZERO = 0.1
"""An x axis that begins below this share of its end begins at zero."""


@dataclass(frozen=True, kw_only=True)
class Series:
    """One line; NaN is a gap."""

    role: Role
    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    """With `high`: the band around the line, as long as x."""
    high: Sequence[float] = ()


def line_chart(
    title: str,
    series: Sequence[Series],
    *,
    x_label: str,
    y_label: str,
    from_zero: bool = False,
    places: Sequence[str] = (),
    limits: tuple[float, float] | None = None,
    note: str = "",
) -> Chart:
    """Draw lines.

    Args:
        title: of the chart.
        series: at least one finite point among them.
        x_label: with unit.
        y_label: with unit.
        from_zero: the y axis begins at zero.
        places: names of x = 0, 1, 2, ...; empty: x is a number.
        limits: of y; by default what the lines and bands need. What lies beyond is cut off.
        note: below the chart.
    """
    ys = [y for one in series for y in (*one.y, *one.low, *one.high) if math.isfinite(y)]
    xs = [x for one in series for x in one.x]
    low, high = limits or (min(ys), max(ys))
    frame = make_frame(make_axis(min(low, 0.0) if from_zero else low, high))
    if places:
        first, last = -0.5, len(places) - 0.5
        # Every second name where they would run into each other.
        step = 1 if sum(len(name) for name in places) <= 60 else 2
        marks = [(float(index), name) for index, name in enumerate(places) if index % step == 0]
    else:
        first, last = min(xs), max(xs)
        first = 0.0 if 0 < first < NEAR_ZERO * last else first
        last = last if last > first else first + 1
        ticks = make_axis(first, last).ticks
        # Steps 0 to 3999 end at 4000.
        last = ticks[-1] if ticks[-1] - last < 0.01 * (last - first) else last
        marks = [(t, number(t)) for t in ticks if first <= t <= last]

    def across(x: float) -> float:
        return (x - first) / (last - first)

    parts = []
    for one in series:
        points = [
            (across(x) * frame.width, frame.y(y)) if math.isfinite(y) else None
            for x, y in zip(one.x, one.y, strict=True)
        ]
        if one.low:
            edge = [*zip(one.x, one.high, strict=True)]
            edge += reversed([*zip(one.x, one.low, strict=True)])
            corners = " ".join(
                f"{across(x) * frame.width:.1f},{frame.y(y):.1f}"
                for x, y in edge
                if math.isfinite(y)
            )
            parts.append(Markup('<polygon class="band {}" points="{}"/>').format(one.role, corners))
        parts.append(Markup('<path class="line {}" d="{}"/>').format(one.role, _path(points)))
        if len(points) <= MARKED_POINTS and one.role in ("ours", "baseline"):
            for point, x, y in zip(points, one.x, one.y, strict=True):
                if point is not None:
                    where = places[round(x)] if places else number(x)
                    parts.append(_mark(point, one, f"{one.name}, {where}: {number(y)}"))
    svg = draw_frame(
        frame,
        Markup("").join(parts),
        title=title,
        x_label=x_label,
        y_label=y_label,
        x_ticks=[(across(x), text) for x, text in marks],
        is_cut=limits is not None,
    )
    legend = tuple((one.role, one.name) for one in series) if len(series) > 1 else ()
    return Chart(title=title, svg=svg, legend=legend, note=note)


def _mark(point: tuple[float, float], one: Series, text: str) -> Markup:
    return Markup(
        '<circle class="mark {}" cx="{:.1f}" cy="{:.1f}" r="3"><title>{}</title></circle>'
    ).format(one.role, point[0], point[1], text)


def _path(points: Sequence[tuple[float, float] | None]) -> str:
    parts = []
    pen = "M"
    for point in points:
        if point is None:
            pen = "M"
            continue
        parts.append(f"{pen}{point[0]:.1f} {point[1]:.1f}")
        pen = "L"
    return "".join(parts)
