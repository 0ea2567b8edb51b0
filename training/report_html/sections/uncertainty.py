"""Does the model know where it errs?"""

from training.metrics.uncertainty import Sparsification
from training.report_html.blocks import Block, Chart, Charts, Notice, Section, Text
from training.report_html.contents import Contents
from training.report_html.line_chart import Series, line_chart
from training.scoring.scorers.depth import DepthFindings
from training.scoring.scorers.flow import FlowFindings


def uncertainty(contents: Contents) -> Section:
    """Sparsification curves of flow and depth."""
    kinds = (
        ("Flow", contents.findings(FlowFindings)),
        ("Depth, error in inverse depth", contents.findings(DepthFindings)),
    )
    blocks: list[Block] = []
    for title, found in kinds:
        charts = [
            _chart(one.title, one.sparsification) for one in found if one.sparsification is not None
        ]
        if charts:
            blocks.append(Charts(title=title, charts=tuple(charts)))
    if blocks:
        text = (
            "Remove the pixels that the model is least certain of, more and more of them: the mean "
            "error of those that stay falls, at best as fast as if those with the largest error "
            "went first. AUSE is the mean distance of the two lines; a useless uncertainty stays "
            "at 1."
        )
        blocks.insert(0, Text(text=text))
    else:
        blocks.append(Notice(text="Nothing that was scored comes with an uncertainty."))
    return Section(key="uncertainty", title="Uncertainty", blocks=tuple(blocks))


def _chart(title: str, curves: Sparsification) -> Chart:
    return line_chart(
        f"{title}: AUSE {curves.ause:.3f}",
        [
            Series(
                role="ours",
                name="by uncertainty",
                x=curves.removed,
                y=curves.by_uncertainty,
            ),
            Series(role="ideal", name="by true error", x=curves.removed, y=curves.by_error),
        ],
        x_label="share of the pixels removed",
        y_label="mean error, all = 1",
        from_zero=True,
    )
