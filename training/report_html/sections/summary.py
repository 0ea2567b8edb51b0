"""The numbers that matter, and what was scored."""

from collections.abc import Sequence

import numpy as np

from models.task import Task
from training.report_html.blocks import Facts, Notice, Section, Text, Tile, Tiles
from training.report_html.contents import Contents
from training.scoring.evaluate import TEMPORAL, Row
from training.scoring.scorers.depth import PLANE
from training.scoring.scorers.flow import DIS
from training.scoring.scorers.line import OWN
from training.watching.progress import clock

STEADY = 0.95
"""Goal: share of pixels whose class agrees with the last frame's, warped by flow."""


def summary(contents: Contents) -> Section:
    """The first thing that is read."""
    tables = {} if contents.evaluation is None else contents.evaluation.tables
    tiles = [
        *_segmentation(tables.get(Task.SEGMENTATION, [])),
        *_steadiness(tables.get(TEMPORAL, [])),
        *_against(tables.get(Task.FLOW, []), "flow: EPE below DIS", "epe", DIS),
        *_against(tables.get(Task.DEPTH, []), "depth: AbsRel below plane", "abs_rel", PLANE),
        *_run(contents),
    ]
    blocks = [
        Tiles(tiles=tuple(tiles)) if tiles else Notice(text="Nothing has been scored or logged."),
        Facts(title="Model", rows=contents.facts),
    ]
    if contents.is_quick and tables:
        words = "Scored quickly: of long data sets, which the tables mark, some frames alone."
        return Section(key="summary", title="Summary", blocks=(*blocks, Text(text=words)))
    return Section(key="summary", title="Summary", blocks=tuple(blocks))


def _segmentation(rows: Sequence[Row]) -> list[Tile]:
    return [
        Tile(
            label="segmentation: mIoU",
            value=f"{row.scores['miou']:.3f}",
            note=f"{row.title}, {row.num_images} images",
        )
        for row in rows
        if row.method == OWN
    ]


def _steadiness(rows: Sequence[Row]) -> list[Tile]:
    return [
        Tile(
            label="labels: temporal agreement",
            value=f"{row.scores['temporal_agreement']:.1%}",
            note=f"{row.title}, by {row.conditions}; goal {STEADY:.0%}",
            is_good=row.scores["temporal_agreement"] >= STEADY,
        )
        for row in rows
        if row.method == OWN
    ]


def _against(rows: Sequence[Row], label: str, key: str, baseline: str) -> list[Tile]:
    """On how many data sets the model beats a baseline; lower is better."""
    own = {row.suite: row.scores[key] for row in rows if row.method == OWN}
    other = {row.suite: row.scores[key] for row in rows if row.method == baseline}
    if not own:
        return []
    better = [row.title for row in rows if row.method == OWN and own[row.suite] < other[row.suite]]
    return [
        Tile(
            label=label,
            value=f"{len(better)} of {len(own)}",
            note=", ".join(better) or "on no data set",
            is_good=len(better) == len(own),
        )
    ]


def _run(contents: Contents) -> list[Tile]:
    log = contents.log
    if log is None or not log.steps.size:
        return []
    planned = log.recipe.get("num_steps")
    seconds = float(np.nansum(log.values["step_s"])) if "step_s" in log.values else 0.0
    peak = log.values.get("peak_mib")
    notes = [f"of {planned}"] if planned else []
    notes += [f"in {clock(seconds)}"] if seconds else []
    notes += [f"peak memory {float(peak[-1]):.0f} MiB"] if peak is not None else []
    done = int(log.steps[-1]) + 1
    return [
        Tile(
            label="training steps",
            value=str(done),
            note=", ".join(notes),
        )
    ]
