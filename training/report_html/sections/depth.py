"""Depth error by range, beside the best plane, and where it is."""

import math
from collections.abc import Sequence

import numpy as np

from models.image.turbo import turbo_table
from models.task import Task
from training.report_html.axis import number
from training.report_html.bar_chart import Bars, bar_chart
from training.report_html.blocks import (
    Block,
    Chart,
    Charts,
    Gallery,
    Notice,
    Picture,
    Scale,
    Section,
    Text,
)
from training.report_html.contents import Contents
from training.report_html.sections.flow import HOT
from training.report_html.sections.gallery import picture_rows
from training.report_html.sections.segmentation import hex_colour, percent
from training.report_html.thumbnail import as_picture, shrink, shrink_known
from training.scoring.scorers.case import Case
from training.scoring.scorers.depth import DepthFindings
from training.scoring.scorers.line import OWN
from training.watching.pictures import depth_span, draw_depth, draw_error

FULL_ERROR = 0.5
"""White in an error map: half of the true depth."""


def depth(contents: Contents) -> Section:
    """Charts by range and the worst images of each data set."""
    found = contents.findings(DepthFindings)
    blocks: list[Block] = []
    if found:
        blocks = [
            Text(
                text="AbsRel by true depth, after a scale and a shift of inverse depth were fitted "
                "to each image, beside the best plane: the plane in inverse depth that lies "
                "nearest to the truth. Below: the share of the pixels."
            ),
            Charts(charts=tuple(_by_range(one) for one in found)),
            *(_gallery(one) for one in found),
        ]
    else:
        blocks.append(Notice(text=contents.why_empty(Task.DEPTH)))
    return Section(key="depth", title="Depth", blocks=tuple(blocks))


def _by_range(found: DepthFindings) -> Chart:
    bins = next(iter(found.range.values()))
    shares = bins.shares().tolist()
    filled = [index for index, share in enumerate(shares) if share > 0]
    shown = range(filled[0], filled[-1] + 1)
    edges = ["far" if math.isinf(edge) else number(edge) for edge in bins.edges]
    bars = [
        Bars(
            role="ours" if method == OWN else "baseline",
            name=method,
            values=errors.means()[shown.start : shown.stop].tolist(),
        )
        for method, errors in found.range.items()
    ]
    listed = ", ".join(percent(shares[index]) or "0" for index in shown)
    return bar_chart(
        found.title,
        bars,
        groups=[f"{edges[index]} to {edges[index + 1]}" for index in shown],
        edges=edges[shown.start : shown.stop + 1],
        x_label=f"true depth, {found.unit}",
        y_label="AbsRel",
        note=f"% of the pixels: {listed}",
    )


def _gallery(found: DepthFindings) -> Gallery:
    table = turbo_table()[::-1][:: 255 // 8].tolist()
    colours = tuple(hex_colour((r, g, b)) for r, g, b in table)
    return Gallery(
        title=f"{found.title}: worst images by AbsRel",
        rows=picture_rows(found.cases, _pictures),
        note=f"Inverse depth in the same colours for truth and answer; errors to {FULL_ERROR:.0%} "
        f"of the true depth. Grey is unknown or not counted.",
        scales=(
            Scale(low="near", high="far", colours=colours),
            Scale(low=HOT.low, high=f"{FULL_ERROR:.0%}", colours=HOT.colours),
        ),
    )


def _pictures(case: Case) -> Sequence[Picture]:
    span = depth_span(case.truth)
    assert case.error is not None
    pictures = [
        as_picture("image", shrink(case.image)),
        as_picture("truth", draw_depth(shrink_known(case.truth), span)),
        as_picture("ours, aligned", draw_depth(shrink_known(case.answer), span)),
        as_picture("error", draw_error(shrink_known(case.error), FULL_ERROR)),
    ]
    if case.uncertainty is not None:
        expected = draw_error(shrink_known(np.asarray(case.uncertainty)), FULL_ERROR)
        pictures.append(as_picture("error that the model expects", expected))
    return pictures
