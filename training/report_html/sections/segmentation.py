"""Which classes are taken for which, and where."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.image.palette import Palette
from models.task import Task
from training.report_html.blocks import (
    Block,
    Cell,
    Charts,
    Gallery,
    Notice,
    Picture,
    Section,
    Table,
    Text,
)
from training.report_html.contents import Contents
from training.report_html.sections.gallery import picture_rows, score_curve
from training.report_html.thumbnail import as_picture, shrink
from training.scoring.scorers.case import Case
from training.scoring.scorers.segmentation import SegmentationFindings
from training.watching.pictures import draw_labels, draw_wrong

MOST_CLASSES = 24
"""In a confusion matrix; the rarer ones are one row and one column together."""


def segmentation(contents: Contents) -> Section:
    """Confusion, classes, worst images of each data set."""
    found = contents.findings(SegmentationFindings)
    blocks: list[Block] = []
    if not found:
        blocks.append(Notice(text=contents.why_empty(Task.SEGMENTATION)))
    for one in found:
        blocks += _blocks(one, contents.palette)
    return Section(key="segmentation", title="Segmentation", blocks=tuple(blocks))


def _blocks(found: SegmentationFindings, palette: Palette) -> list[Block]:
    curve = score_curve(found.per_image, "pixel accuracy of each image", "accuracy")
    return [
        Text(
            text="A row holds the pixels of one true class: where they went, in percent. The "
            "diagonal is what was found of the class."
        ),
        confusion_table(found.confusion, found.class_names, found.title),
        _class_table(found, palette),
        *([Charts(charts=(curve,))] if curve is not None else []),
        Gallery(
            title=f"{found.title}: worst images by pixel accuracy",
            rows=picture_rows(found.cases, lambda case: _pictures(case, palette)),
            note="Wrong pixels are red, pixels without a true label dark.",
            swatches=swatches(found.class_names, palette),
        ),
    ]


def confusion_table(
    confusion: NDArray[np.int64], class_names: tuple[str, ...], title: str
) -> Table:
    """Row-normalised, in percent; the rarest of many classes are put together."""
    matrix, names = merge_rare(confusion, class_names)
    total = matrix.sum(axis=1, keepdims=True)
    share = np.divide(matrix, total, out=np.zeros(matrix.shape), where=total > 0)
    rows = []
    for index, name in enumerate(names):
        # A class that is never true has a row without numbers, not one of zeros.
        cells = [
            Cell(text=percent(value) if total[index, 0] else "–", share=value)
            for value in share[index].tolist()
        ]
        rows.append((Cell(text=name, is_number=False), *cells))
    return Table(
        title=f"{title}: confusion, % of the true class",
        head=("true \\ answered", *names),
        rows=tuple(rows),
        look="matrix",
    )


def percent(share: float) -> str:
    """Whole percents; small but there is "<1", none is empty.

    >>> percent(0.934), percent(0.004), percent(0.0), percent(0.9996)
    ('93', '<1', '', '>99')
    """
    if share == 0:
        return ""
    if share < 0.01:
        return "<1"
    return ">99" if 0.995 <= share < 1 else f"{share * 100:.0f}"


def merge_rare(
    confusion: NDArray[np.int64], class_names: tuple[str, ...]
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """The commonest true classes in their own order, the others as one "other"."""
    if len(class_names) <= MOST_CLASSES:
        return confusion, class_names
    common = np.argsort(-confusion.sum(axis=1), kind="stable")[: MOST_CLASSES - 1]
    kept = sorted(common.tolist())
    to = np.full(len(class_names), len(kept))
    to[kept] = np.arange(len(kept))
    merged = np.zeros((len(kept) + 1, len(kept) + 1), np.int64)
    np.add.at(merged, (to[:, None], to[None]), confusion)
    names = [class_names[index] for index in kept]
    return merged, (*names, f"other ({len(class_names) - len(kept)})")


def _class_table(found: SegmentationFindings, palette: Palette) -> Table:
    pixels = found.confusion.sum(axis=1) / max(found.confusion.sum(), 1)
    rows = []
    for index, name in enumerate(found.class_names):
        iou = found.iou_per_class[index]
        absent = math.isnan(iou)
        rows.append(
            (
                Cell(text=name, is_number=False, swatch=hex_colour(palette[index])),
                Cell(text="absent" if absent else f"{iou:.3f}", share=0.0 if absent else iou),
                Cell(text=f"{pixels[index]:.2%}"),
            )
        )
    return Table(
        title=f"{found.title}: IoU by class",
        head=("class", "IoU ↑", "of the pixels"),
        rows=tuple(rows),
        look="bars",
    )


def _pictures(case: Case, palette: Palette) -> Sequence[Picture]:
    return (
        as_picture("image", shrink(case.image)),
        as_picture("truth", shrink(draw_labels(case.image, case.truth, palette))),
        as_picture("ours", shrink(draw_labels(case.image, case.answer, palette))),
        as_picture("wrong", shrink(draw_wrong(case.image, case.answer, case.truth))),
    )


def swatches(class_names: tuple[str, ...], palette: Palette) -> tuple[tuple[str, str], ...]:
    """(#rrggbb, name) of each class."""
    return tuple(
        (hex_colour(colour), name) for colour, name in zip(palette, class_names, strict=True)
    )


def hex_colour(colour: tuple[int, int, int]) -> str:
    """As style sheets write it."""
    return "#{:02x}{:02x}{:02x}".format(*colour)
