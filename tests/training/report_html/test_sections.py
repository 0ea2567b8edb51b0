"""What the parts of a report say, from numbers known by hand."""

from dataclasses import replace

import numpy as np
import pytest

from models.image.palette import spread_palette
from training.report_html.blocks import Block, Charts, Facts, Gallery, Notice, Table, Tiles
from training.report_html.contents import Contents
from training.report_html.page import make_sections
from training.report_html.sections.left_out import left_out
from training.report_html.sections.recipe import recipe
from training.report_html.sections.scores import scores
from training.report_html.sections.segmentation import confusion_table, merge_rare
from training.report_html.sections.summary import summary
from training.report_html.sections.training_curves import training_curves
from training.running.run_log import RunLog
from training.scoring.evaluate import Evaluation, LeftOut, Row

NOTHING = Contents(
    name="n",
    made_at="now",
    facts=(),
    tasks=("segmentation", "flow", "depth"),
    palette=spread_palette(2),
    evaluation=None,
    is_quick=False,
    log=None,
)


def row(method: str, **values: float) -> Row:
    return Row(
        suite="s",
        title="S",
        method=method,
        num_images=3,
        conditions="",
        quick=False,
        scores=values,
    )


def table_of(block: Block) -> list[list[str]]:
    assert isinstance(block, Table)
    return [[cell.text for cell in cells] for cells in block.rows]


def test_a_confusion_matrix_is_normalised_by_row() -> None:
    confusion = np.array([[90, 10, 0], [1, 199, 0], [0, 0, 0]])
    table = confusion_table(confusion, ("a", "b", "c"), "T")
    assert table_of(table) == [
        ["a", "90", "10", ""],
        ["b", "<1", ">99", ""],
        ["c", "–", "–", "–"],  # never true: not zeros
    ]
    assert [cell.share for cell in table.rows[0][1:]] == pytest.approx([0.9, 0.1, 0.0])


def test_the_rarest_of_many_classes_are_one_row_and_lose_no_pixel() -> None:
    count = 40
    confusion = np.arange(count**2).reshape(count, count)  # later classes are commoner
    merged, names = merge_rare(confusion, tuple(f"c{i}" for i in range(count)))
    assert len(names) == 24
    assert names[:2] == ("c17", "c18")
    assert names[-1] == "other (17)"
    assert merged.sum() == confusion.sum()
    assert merged[0, 0] == confusion[17, 17]
    assert merged[0, -1] == confusion[17, :17].sum()
    assert merged[-1, -1] == confusion[:17, :17].sum()


def test_the_best_of_a_data_set_is_bold_in_the_direction_of_the_metric() -> None:
    rows = [row("ours", epe=2.0, ause=0.1, odd=1.0), row("DIS medium", epe=1.0, odd=2.0)]
    found = scores(replace(NOTHING, evaluation=Evaluation(tables={"flow": rows})))
    table = found.blocks[1]
    assert isinstance(table, Table)
    assert table.head == ("data set", "images", "method", "EPE, px ↓", "AUSE ↓", "odd")
    ours, dis = table.rows
    assert [cell.is_best for cell in ours] == [False] * 6  # alone with its AUSE, nothing to win
    assert [cell.is_best for cell in dis] == [False, False, False, True, False, False]
    assert [cell.text for cell in dis][3:] == ["1.000", "–", "2.000"]


def test_the_summary_counts_victories_and_goals() -> None:
    tables = {
        "segmentation": [row("ours", miou=0.6123)],
        "flow": [row("ours", epe=1.0), row("DIS medium", epe=2.0), row("zero", epe=9.0)],
        "depth": [row("ours", abs_rel=0.3), row("best plane of the truth", abs_rel=0.2)],
        "temporal consistency": [row("ours", temporal_agreement=0.949)],
    }
    found = summary(replace(NOTHING, evaluation=Evaluation(tables=tables)))
    tiles = found.blocks[0]
    assert isinstance(tiles, Tiles)
    assert [(tile.value, tile.is_good) for tile in tiles.tiles] == [
        ("0.612", None),
        ("94.9%", False),
        ("1 of 1", True),
        ("0 of 1", False),
    ]


STEPS = np.arange(100)
LOG = RunLog(
    recipe={"name": "r", "num_steps": 200, "model": {"backbone": {"family": "vit"}}, "init": None},
    steps=STEPS,
    values={
        "step_s": np.full(100, 2.0),
        "learning_rate": np.linspace(0, 1, 100),
        "flow": np.where(STEPS == 50, np.nan, 1.0),
        "never": np.full(100, np.nan),
    },
)


def test_curves_are_drawn_of_what_was_logged_and_never_of_nothing() -> None:
    found = training_curves(replace(NOTHING, log=LOG))
    charts = [block for block in found.blocks if isinstance(block, Charts)]
    titles = [[chart.title for chart in block.charts] for block in charts]
    assert titles == [["flow"], ["learning rate", "time of a step"]]
    tiles = summary(replace(NOTHING, log=LOG)).blocks[0]
    assert isinstance(tiles, Tiles)
    assert (tiles.tiles[0].value, tiles.tiles[0].note) == ("100", "of 200, in 3:20")


def test_a_value_that_never_changes_and_one_that_was_logged_once_are_drawn() -> None:
    steps = np.arange(3000)
    values = {
        "depth": np.full(3000, 0.123456),  # averages of it differ in their last bits
        "peak_mib": np.where(steps == 7, 100.0, np.nan),
    }
    found = training_curves(replace(NOTHING, log=RunLog(recipe={}, steps=steps, values=values)))
    charts = [
        chart for block in found.blocks if isinstance(block, Charts) for chart in block.charts
    ]
    assert [chart.title for chart in charts] == ["depth", "peak memory"]


def test_the_recipe_is_shown_value_by_value() -> None:
    groups = recipe(replace(NOTHING, log=LOG)).blocks
    assert [(group.title, group.rows) for group in groups if isinstance(group, Facts)] == [
        ("run", (("name", "r"), ("num_steps", "200"), ("init", "null"))),
        ("model", (("backbone.family", "vit"),)),
    ]


def test_what_is_missing_is_named_with_its_reason() -> None:
    gone = LeftOut(task="depth", title="TUM", reason="/data/tum: no such folder")
    some = replace(
        NOTHING,
        tasks=("depth", "segmentation"),
        evaluation=Evaluation(tables={}, left_out=[gone]),
    )
    (block,) = left_out(some).blocks
    assert table_of(block) == [
        ["depth: TUM", "/data/tum: no such folder"],
        ["flow", "the model has no head for it"],
        ["curves and recipe", "the run's folder was not given"],
    ]
    notices = {
        section.key: block.text
        for section in make_sections(some)
        for block in section.blocks
        if isinstance(block, Notice)
    }
    assert notices["depth"] == "No data set of depth is there. TUM: /data/tum: no such folder"
    assert notices["flow"] == "The model answers no flow."
    assert notices["segmentation"] == "No data set of segmentation was asked for."
    assert set(notices) == {
        "summary",
        "training",
        "scores",
        "segmentation",
        "temporal",
        "flow",
        "depth",
        "uncertainty",
        "recipe",
    }


def test_a_section_never_is_empty() -> None:
    for section in make_sections(NOTHING):
        assert section.blocks
        assert not any(isinstance(block, Gallery | Charts) for block in section.blocks)
