"""The tables that `python -m training evaluate` prints."""

from itertools import groupby

from training.report_html.blocks import Block, Cell, Notice, Section, Table, Text
from training.report_html.contents import Contents
from training.scoring.evaluate import BENCHMARK, TEMPORAL, Row

TITLES = {
    "miou": "mIoU ↑",
    "pixel_accuracy": "pixel accuracy ↑",
    "epe": "EPE, px ↓",
    "outlier_1px": "over 1 px ↓",
    "fl_all": "Fl-all ↓",
    "fl": "Fl ↓",
    "fl_noc": "Fl not occluded ↓",
    "wauc": "WAUC ↑",
    "epe_noc": "EPE not occluded, px ↓",
    "ause": "AUSE ↓",
    "abs_rel": "AbsRel ↓",
    "delta1": "δ1 ↑",
    "rmse": "RMSE ↓",
    "temporal_consistency": "mIoU against the last frame ↑",
    "temporal_agreement": "pixels that agree ↑",
    "share_compared": "pixels compared",
}
"""Of a column, with the direction that is better."""


def scores(contents: Contents) -> Section:
    """One table for each task."""
    tables = {} if contents.evaluation is None else contents.evaluation.tables
    blocks: list[Block] = [_table(task, rows) for task, rows in tables.items() if rows]
    if blocks:
        blocks.insert(
            0, Text(text="Arrows say which way is better; of each data set the best is bold.")
        )
    else:
        blocks.append(Notice(text="No data set was scored: see the end of the report."))
    return Section(key="scores", title="Scores", blocks=tuple(blocks))


def _table(task: str, rows: list[Row]) -> Table:
    keys = dict.fromkeys(key for row in rows for key in row.scores if not key.startswith("iou_"))
    body: list[tuple[Cell, ...]] = []
    for _, group in groupby(rows, key=lambda row: row.suite):
        some = list(group)
        # True labels are no rival, nor is one part of the pixels of another.
        best = (
            {}
            if task in (TEMPORAL, BENCHMARK) or len(some) == 1
            else {k: _best(some, k) for k in keys}
        )
        body += [_cells(row, tuple(keys), best) for row in some]
    return Table(
        title=task.capitalize(),
        head=("data set", "images", "method", *(TITLES.get(key, key) for key in keys)),
        rows=tuple(body),
        note="; ".join(dict.fromkeys(f"{r.title}: {r.conditions}" for r in rows if r.conditions)),
    )


def _best(rows: list[Row], key: str) -> float | None:
    values = [row.scores[key] for row in rows if key in row.scores]
    arrow = TITLES.get(key, "")[-1:]
    if arrow not in ("↑", "↓") or len(values) < 2:
        return None
    return max(values) if arrow == "↑" else min(values)


def _cells(row: Row, keys: tuple[str, ...], best: dict[str, float | None]) -> tuple[Cell, ...]:
    images = f"{row.num_images}, a part" if row.quick else str(row.num_images)
    return (
        Cell(text=row.title, is_number=False),
        Cell(text=images),
        Cell(text=row.method, is_number=False),
        *(
            Cell(
                text=f"{row.scores[key]:.3f}" if key in row.scores else "–",
                is_best=key in row.scores and row.scores[key] == best.get(key),
            )
            for key in keys
        ),
    )
