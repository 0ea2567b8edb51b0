"""Bars beside each other, in groups: methods by bins."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from training.report_html.axis import make_axis, number
from training.report_html.blocks import Chart, Role
from training.report_html.frame import draw_frame, make_frame

FILLED = 0.72
"""Of a group's width; the rest is the gap to the next."""

NUMBER_WIDTH = 30
"""Thinner bars have no numbers above them: they would run into each other."""


@dataclass(frozen=True, kw_only=True)
class Bars:
    """One method: a value for each group, NaN for none."""

    role: Role
    name: str
    values: Sequence[float]


def bar_chart(
    title: str,
    bars: Sequence[Bars],
    *,
    groups: Sequence[str],
    x_label: str,
    y_label: str,
    edges: Sequence[str] = (),
    note: str = "",
) -> Chart:
    """Draw bars from zero, with their values above them.

    Args:
        title: of the chart.
        bars: at least one finite value among them, none below zero.
        groups: what the groups are called.
        x_label: what the groups are, with unit.
        y_label: with unit.
        edges: where the groups begin and end, one more than groups; written instead of their names.
        note: below the chart.
    """
    highest = max(value for one in bars for value in one.values if math.isfinite(value))
    frame = make_frame(make_axis(0.0, (highest or 1.0) * 1.08))  # room for the topmost number
    pitch = frame.width / len(groups)
    thick = pitch * FILLED / len(bars)
    parts = []
    for place, group in enumerate(groups):
        left = pitch * place + pitch * (1 - FILLED) / 2
        for index, one in enumerate(bars):
            value = one.values[place]
            if not math.isfinite(value):
                continue
            x, y = left + thick * index, frame.y(value)
            parts.append(
                Markup(
                    '<rect class="bar {}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}">'
                    "<title>{}</title></rect>"
                ).format(
                    one.role,
                    x,
                    y,
                    max(thick - 2, 1.0),
                    frame.height - y,
                    f"{one.name}, {group}: {number(value)}",
                )
            )
            if thick >= NUMBER_WIDTH:
                parts.append(
                    Markup('<text class="value middle" x="{:.1f}" y="{:.1f}">{}</text>').format(
                        x + thick / 2 - 1, y - 4, number(value)
                    )
                )
    svg = draw_frame(
        frame,
        Markup("").join(parts),
        title=title,
        x_label=x_label,
        y_label=y_label,
        x_ticks=(
            [(place / len(groups), edge) for place, edge in enumerate(edges)]
            if edges
            else [((place + 0.5) / len(groups), group) for place, group in enumerate(groups)]
        ),
    )
    legend = tuple((one.role, one.name) for one in bars) if len(bars) > 1 else ()
    return Chart(title=title, svg=svg, legend=legend, note=note)
