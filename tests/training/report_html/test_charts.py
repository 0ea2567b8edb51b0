"""Drawings: what is drawn lies where its numbers say."""

import math
import re
from xml.etree import ElementTree

import pytest
from markupsafe import Markup

from training.report_html.bar_chart import Bars, bar_chart
from training.report_html.line_chart import Series, line_chart


def drawn(svg: Markup) -> ElementTree.Element:
    """Well-formed, or this raises."""
    return ElementTree.fromstring(str(svg))


def plot(svg: Markup) -> ElementTree.Element:
    (inner,) = drawn(svg).findall("svg")
    return inner


def test_bars_are_as_high_as_their_values() -> None:
    bars = [
        Bars(role="ours", name="ours", values=[10.0, 5.0]),
        Bars(role="baseline", name="other", values=[2.5, math.nan]),
    ]
    chart = bar_chart("t", bars, groups=["a", "b"], x_label="x", y_label="y")
    found = plot(chart.svg).findall("rect")
    heights = [float(bar.attrib["height"]) for bar in found]
    assert len(heights) == 3  # what is not known has no bar
    assert heights[1] / heights[0] == pytest.approx(0.25, abs=0.01)
    assert heights[2] / heights[0] == pytest.approx(0.5, abs=0.01)
    assert {title.text for title in plot(chart.svg).iter("title")} == {
        "ours, a: 10",
        "other, a: 2.5",
        "ours, b: 5",
    }
    assert chart.legend == (("ours", "ours"), ("baseline", "other"))


def test_a_line_goes_through_its_points_and_breaks_where_nothing_is_known() -> None:
    series = Series(
        role="ours", name="n", x=[0.0, 1.0, 2.0, 3.0, 4.0], y=[0.0, 10.0, math.nan, 5.0, 10.0]
    )
    chart = line_chart("t", [series], x_label="x", y_label="y", from_zero=True)
    inner = plot(chart.svg)
    (path,) = inner.findall("path")
    width, height = float(inner.attrib["width"]), float(inner.attrib["height"])
    points = [
        (pen, float(x) / width, 1 - float(y) / height)
        for pen, x, y in re.findall(r"([ML])([\d.-]+) ([\d.-]+)", path.attrib["d"])
    ]
    assert [pen for pen, _, _ in points] == ["M", "L", "M", "L"]
    assert [x for _, x, _ in points] == pytest.approx([0, 0.25, 0.75, 1], abs=0.01)
    assert [y for _, _, y in points] == pytest.approx([0, 1, 0.5, 1], abs=0.01)


def test_what_lies_beyond_the_limits_is_cut_and_steps_to_3999_end_at_4000() -> None:
    steps = [float(step) for step in range(0, 4000, 31)] + [3999.0]
    series = Series(role="ours", name="n", x=steps, y=[900.0, *[1.0] * (len(steps) - 1)])
    chart = line_chart("t", [series], x_label="step", y_label="y", limits=(0.0, 2.0))
    assert plot(chart.svg).attrib["overflow"] == "hidden"
    ticks = [text.text for text in drawn(chart.svg).findall("text")]
    assert "4000" in ticks
    assert "2" in ticks
    assert "900" not in ticks


def test_names_in_drawings_are_escaped() -> None:
    name = '<script>"&'
    chart = bar_chart(
        name,
        [Bars(role="ours", name=name, values=[1.0])],
        groups=[name],
        x_label=name,
        y_label=name,
    )
    assert "<script" not in chart.svg
    assert drawn(chart.svg).attrib["aria-label"] == name
