"""Flow error by speed, beside DIS, and where it is."""

import math
from collections.abc import Sequence

import numpy as np

from models.image.flow_wheel import flow_wheel
from models.task import Task
from training.metrics.bins import Quantile
from training.report_html.axis import number
from training.report_html.bar_chart import Bars, bar_chart
from training.report_html.blocks import (
    Block,
    Chart,
    Charts,
    Gallery,
    Notice,
    Picture,
    Role,
    Scale,
    Section,
    Text,
)
from training.report_html.contents import Contents
from training.report_html.line_chart import Series, line_chart
from training.report_html.sections.gallery import picture_rows
from training.report_html.sections.segmentation import hex_colour, percent
from training.report_html.thumbnail import as_picture, shrink, shrink_known
from training.scoring.scorers.case import Case
from training.scoring.scorers.flow import FlowFindings
from training.scoring.scorers.line import OWN
from training.watching.pictures import draw_error, draw_flow, flow_length_px

LEAST_FULL_ERROR_PX = 3.0
"""White in an error map is this, or the image's 95th percentile if that is more."""

HOT = Scale(
    low="no error", high="as captioned", colours=("#000000", "#ff0000", "#ffff00", "#ffffff")
)
"""Of error maps; grey is unknown."""


def flow(contents: Contents) -> Section:
    """Charts by speed and the worst pairs of each data set."""
    found = contents.findings(FlowFindings)
    blocks: list[Block] = []
    if found:
        blocks = [
            Text(
                text="End-point error by how fast a pixel truly moves, ours beside OpenCV's DIS on "
                "the same pixels. Left in pixels as MPI-Sintel splits it, with the share of the "
                "pixels below; right by tenths of the pixels, from the slowest to the fastest."
            ),
            *(Charts(title=one.title, charts=(_by_speed(one), _by_tenths(one))) for one in found),
            *(_gallery(one) for one in found),
        ]
    else:
        blocks.append(Notice(text=contents.why_empty(Task.FLOW)))
    return Section(key="flow", title="Flow", blocks=tuple(blocks))


def _by_speed(found: FlowFindings) -> Chart:
    bins = next(iter(found.speed.values()))
    names = []
    for low, high, share in zip(bins.edges, bins.edges[1:], bins.shares().tolist(), strict=False):
        name = f"s{low:g}+" if math.isinf(high) else f"s{low:g}-{high:g}"
        names.append(f"{name} ({percent(share) or 0} %)")
    return bar_chart(
        "EPE by speed",
        [
            Bars(role=_role(method), name=method, values=errors.means().tolist())
            for method, errors in found.speed.items()
        ],
        groups=names,
        x_label="true speed in px, share of the pixels",
        y_label="EPE, px",
    )


def _by_tenths(found: FlowFindings) -> Chart:
    places = [_fastest(part) for part in found.deciles]
    x = [float(index) for index in range(len(places))]
    return line_chart(
        "EPE by tenths of the speed",
        [
            Series(
                role=_role(method),
                name=method,
                x=x,
                y=[part.errors[index] for part in found.deciles],
            )
            for index, method in enumerate(found.methods)
        ],
        x_label="fastest pixel of the tenth, px",
        y_label="EPE, px",
        from_zero=True,
        places=places,
    )


def _fastest(part: Quantile) -> str:
    return f"{part.high:.2g}" if part.high < 10 else f"{part.high:.0f}"


def _role(method: str) -> Role:
    return "ours" if method == OWN else "baseline"


def _gallery(found: FlowFindings) -> Gallery:
    step = 5
    around = np.rint(flow_wheel()[::step] * 255).astype(int).tolist()
    colours = tuple(hex_colour((r, g, b)) for r, g, b in (*around, around[0]))
    return Gallery(
        title=f"{found.title}: worst pairs",
        rows=picture_rows(found.cases, _pictures),
        note="Hue is the direction (below: from right over down, left and up to right again), "
        "saturation the length, the same for truth and answer. Grey is unknown.",
        scales=(Scale(low="right", high="right", colours=colours), HOT),
    )


def _pictures(case: Case) -> Sequence[Picture]:
    truth = shrink_known(case.truth)
    full_px = flow_length_px(case.truth)
    pictures = [
        as_picture("image", shrink(case.image)),
        as_picture(f"truth, to {number(full_px)} px", draw_flow(truth, full_px)),
        as_picture("ours", draw_flow(shrink_known(case.answer), full_px)),
    ]
    assert case.error is not None
    full = full_error(case.error, LEAST_FULL_ERROR_PX)
    error = draw_error(shrink_known(case.error), full)
    pictures.append(as_picture(f"error, to {number(full)} px", error))
    if case.uncertainty is not None:
        expected = draw_error(shrink_known(case.uncertainty), full)
        pictures.append(as_picture("error that the model expects", expected))
    return pictures


def full_error(error: np.ndarray, least: float) -> float:
    """What an error map shows as white."""
    known = error[np.isfinite(error)]
    return max(least, float(np.percentile(known, 95.0))) if known.size else least
