"""Rows of pictures, and the curve over all images that they stand for."""

from collections.abc import Callable, Sequence

from training.report_html.blocks import Chart, Picture, PictureRow
from training.report_html.line_chart import Series, line_chart
from training.scoring.scorers.case import Case, Cases, ImageScore

FEWEST_FOR_A_CURVE = 8


def picture_rows(cases: Cases, draw: Callable[[Case], Sequence[Picture]]) -> tuple[PictureRow, ...]:
    """The worst first, then the best for comparison."""
    rows = [
        PictureRow(title=_title(f"worst {place}", case), pictures=tuple(draw(case)))
        for place, case in enumerate(cases.worst, start=1)
    ]
    if cases.best is not None:
        title = _title("the best, for comparison", cases.best)
        rows.append(PictureRow(title=title, pictures=tuple(draw(cases.best))))
    return tuple(rows)


def _title(place: str, case: Case) -> str:
    values = ", ".join(f"{name.replace('_', ' ')} {x:.3f}" for name, x in case.scores.items())
    return f"{place}: {case.name}, {values}"


def score_curve(
    scores: Sequence[ImageScore], title: str, label: str, *, target: float | None = None
) -> Chart | None:
    """One point for each image, in the order of the data set; None for a few images."""
    if len(scores) < FEWEST_FOR_A_CURVE:
        return None
    x = [float(index) for index in range(len(scores))]
    series = [Series(role="ours", name="ours", x=x, y=[one.value for one in scores])]
    if target is not None:
        series.append(Series(role="target", name="goal", x=[x[0], x[-1]], y=[target, target]))
    return line_chart(title, series, x_label="image, in the data set's order", y_label=label)
