"""The common part of drawings: a plot area with grid lines, ticks and names of its axes.

Colours come from the page's style sheet, so a drawing is right in light, in dark and in print.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from training.report_html.axis import Axis, number

WIDTH, HEIGHT = 420.0, 236.0
TOP, BOTTOM, RIGHT = 12.0, 44.0, 14.0
CHARACTER = 7.0
"""Width of a digit of the ticks, about."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """The plot area, in the drawing's own unit."""

    left: float
    y_axis: Axis

    @property
    def width(self) -> float:
        """Of the plot area."""
        return WIDTH - self.left - RIGHT

    @property
    def height(self) -> float:
        """Of the plot area."""
        return HEIGHT - TOP - BOTTOM

    def y(self, value: float) -> float:
        """Down from the top of the plot area."""
        return self.height * (1 - self.y_axis.share(value))


def make_frame(y_axis: Axis) -> Frame:
    """With room for the numbers of the y axis and its name."""
    longest = max(len(number(tick)) for tick in y_axis.ticks)
    return Frame(left=26 + CHARACTER * longest, y_axis=y_axis)


def draw_frame(
    frame: Frame,
    inside: Markup,
    *,
    title: str,
    x_label: str,
    y_label: str,
    x_ticks: Sequence[tuple[float, str]],
    is_cut: bool = False,
) -> Markup:
    """The whole drawing.

    Args:
        frame: where the plot area is.
        inside: what is drawn in it; its own unit, (0, 0) at the top left.
        title: read aloud in place of the drawing.
        x_label: below the ticks.
        y_label: to the left of the ticks.
        x_ticks: (share of the width, text).
        is_cut: what reaches beyond the plot area is not drawn.
    """
    parts = []
    for tick in frame.y_axis.ticks:
        y = TOP + frame.y(tick)
        parts.append(
            Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
                _at(frame.left), WIDTH - RIGHT, _at(y), _at(y)
            )
        )
        parts.append(
            Markup('<text class="tick end" x="{}" y="{}">{}</text>').format(
                _at(frame.left - 6), _at(y + 4), number(tick)
            )
        )
    for share, text in x_ticks:
        x = frame.left + share * frame.width
        parts.append(
            Markup('<text class="tick middle" x="{}" y="{}">{}</text>').format(
                _at(x), HEIGHT - BOTTOM + 16, text
            )
        )
    middle = frame.left + frame.width / 2
    parts.append(
        Markup('<text class="label middle" x="{}" y="{}">{}</text>').format(
            _at(middle), HEIGHT - 8, x_label
        )
    )
    half = TOP + frame.height / 2
    parts.append(
        Markup(
            '<text class="label middle" transform="translate(12 {}) rotate(-90)">{}</text>'
        ).format(_at(half), y_label)
    )
    return Markup(
        '<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}'
        '<svg x="{}" y="{}" width="{}" height="{}" overflow="{}">{}</svg></svg>'
    ).format(
        WIDTH,
        HEIGHT,
        title,
        Markup("").join(parts),
        _at(frame.left),
        TOP,
        _at(frame.width),
        _at(frame.height),
        "hidden" if is_cut else "visible",
        inside,
    )


def _at(value: float) -> str:
    return f"{value:.1f}"
