"""Do labels stay on things while things move?"""

import numpy as np

from models.image.palette import Palette
from models.task import IGNORE_INDEX, Task
from training.report_html.blocks import Block, Charts, Gallery, Notice, Picture, Section, Text
from training.report_html.contents import Contents
from training.report_html.sections.gallery import picture_rows, score_curve
from training.report_html.sections.segmentation import swatches
from training.report_html.sections.summary import STEADY
from training.report_html.thumbnail import as_picture, shrink
from training.scoring.evaluate import TEMPORAL
from training.scoring.scorers.case import Case
from training.scoring.scorers.temporal import TemporalFindings
from training.watching.pictures import draw_labels, draw_wrong


def temporal(contents: Contents) -> Section:
    """Each clip's agreement from frame to frame."""
    found = contents.findings(TemporalFindings)
    blocks: list[Block] = []
    if not found:
        reason = "No clip of consecutive frames with labels was scored."
        left_out = [] if contents.evaluation is None else contents.evaluation.left_out
        named = "; ".join(f"{one.title}: {one.reason}" for one in left_out if one.task == TEMPORAL)
        reason = f"{reason} {named}" if named else reason
        if contents.evaluation is None or Task.SEGMENTATION not in contents.tasks:
            reason = contents.why_empty(Task.SEGMENTATION)
        blocks.append(Notice(text=reason))
    for one in found:
        blocks += _blocks(one, contents.palette)
    return Section(key="temporal", title="Temporal consistency", blocks=tuple(blocks))


def _blocks(found: TemporalFindings, palette: Palette) -> list[Block]:
    curve = score_curve(found.per_image, "pixels that agree", "share", target=STEADY)
    return [
        Text(
            text=f"{found.title}, {found.num_frames} frames: the labels of each frame against "
            f"those of the frame before it, warped by {found.whose_flow}. "
            f"{found.agreement:.1%} of the compared pixels have the same class (goal "
            f"{STEADY:.0%}); as mIoU {found.consistency:.3f}. Compared are "
            f"{found.share_compared:.1%} of all pixels: those where the flow there and the flow "
            f"back cancel out, which leaves out what was hidden and what the flow gets wrong. No "
            f"true label is looked at."
        ),
        *([Charts(charts=(curve,))] if curve is not None else []),
        Gallery(
            title=f"{found.title}: least steady frames",
            rows=picture_rows(found.cases, lambda case: _pictures(case, palette)),
            note="Changed pixels are red, pixels that are not compared dark.",
            swatches=swatches(found.class_names, palette),
        ),
    ]


def _pictures(case: Case, palette: Palette) -> tuple[Picture, ...]:
    compared = np.where(case.truth == IGNORE_INDEX, np.uint8(IGNORE_INDEX), case.answer)
    return (
        as_picture("image", shrink(case.image)),
        as_picture("last frame, warped", shrink(draw_labels(case.image, case.truth, palette))),
        as_picture("this frame", shrink(draw_labels(case.image, case.answer, palette))),
        as_picture("changed", shrink(draw_wrong(case.image, compared, case.truth))),
    )
