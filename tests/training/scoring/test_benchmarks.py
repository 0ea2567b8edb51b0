"""Data sets scored by name: on all that they know, and as their own benchmarks do it."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.runtime.predictor import Prediction
from models.task import CLASS_NAMES, Task
from tests.training.data import tiny_files
from tests.training.data.readers.test_kitti2015 import write_pair
from tests.training.data.readers.test_spring import write_scene
from training.data.readers.kitti2015 import Kitti2015
from training.data.readers.spring import Spring
from training.scoring.benchmarks import BenchmarkScore
from training.scoring.evaluate import BENCHMARK, as_markdown, evaluate
from training.scoring.suites import suites_of


def answer(u: float, v: float) -> object:
    def predict(image: NDArray[np.uint8], _: NDArray[np.uint8] | None) -> Prediction:
        height, width = image.shape[:2]
        return Prediction(
            labels=np.zeros((height, width), np.uint8),
            depth=np.ones((height, width), np.float32),
            flow=tiny_files.constant_flow((height, width), u, v),
        )

    return predict


def test_spring_is_scored_by_parts(tmp_path: Path) -> None:
    write_scene(tmp_path)
    score = BenchmarkScore()
    sample = Spring(folder=tmp_path).for_benchmark()[0]
    # Truth is (5, 1), at one of the first pixel's four values (7, 1); the second pixel is unknown.
    score.add(sample, tiny_files.constant_flow(sample.size, 7.0, 1.0))
    found = dict(score.lines())
    assert found["all"]["epe"] == pytest.approx(4 * 2 / 5)
    assert found["all"]["outlier_1px"] == pytest.approx(4 / 5)
    assert found["nonrigid"] == {"outlier_1px": 0.0, "epe": 0.0, "fl": 0.0, "wauc": 1.0}
    assert found["high detail"]["epe"] == 2.0
    assert found["unmatched"]["epe"] == 0.0
    assert "s10-40" not in found


def test_kitti_tells_moving_cars_from_the_rest(tmp_path: Path) -> None:
    write_pair(tmp_path)
    score = BenchmarkScore()
    sample = Kitti2015(folder=tmp_path)[0]
    flow = tiny_files.constant_flow(sample.size, 3.0, -1.0)
    flow[3, 2:4] += 10  # wrong on the two pixels of the cars
    flow[1, 0] += 10  # and on one of 16 others, which is occluded
    score.add(sample, flow)
    found = dict(score.lines())
    assert found["cars"]["fl"] == 1.0
    assert found["static"]["fl"] == pytest.approx(1 / 16)
    assert found["static"]["fl_noc"] == 0.0
    assert found["all"]["fl"] == pytest.approx(3 / 18)


def test_other_data_sets_have_no_evaluation_of_their_own() -> None:
    assert BenchmarkScore().lines() == []


def write_own(folder: Path, names: tuple[str, ...]) -> str:
    tiny_files.image(folder / "images/a.png", (48, 64))
    tiny_files.indices(folder / "labels/a.png", np.zeros((48, 64)))
    tiny_files.text(folder / "depth/.keep", "")
    np.save(folder / "depth/a.npy", np.linspace(1, 9, 48 * 64).reshape(48, 64))
    tiny_files.text(folder / "dataset.json", json.dumps({"class_names": names, "far_m": 5}))
    return f"folder:{folder}"


def test_a_data_set_is_scored_on_all_that_it_knows(tmp_path: Path) -> None:
    spec = write_own(tmp_path, ("wall", "crack"))
    suites = suites_of([spec])
    assert {task: [suite.key for suite in some] for task, some in suites.items()} == {
        Task.SEGMENTATION: [spec],
        Task.FLOW: [],
        Task.DEPTH: [spec],
    }
    predict = answer(0, 0)
    assert callable(predict)
    tables = evaluate(
        predict,
        quick=False,
        class_names=("wall", "crack"),
        suites=suites,
        report=lambda _: None,
    ).tables
    (row,) = tables["segmentation"]
    assert row.scores["miou"] == 1.0
    assert set(row.scores) == {"miou", "pixel_accuracy", "iou_wall", "iou_crack"}
    assert {row.conditions for row in tables["depth"]} == {
        "scale and shift fitted, to 5 m, rmse in m"
    }
    with pytest.raises(ValueError, match=r"has 2 classes from wall to crack, the model 11 \(sky"):
        evaluate(
            predict,
            quick=False,
            class_names=CLASS_NAMES,
            suites=suites,
            report=lambda _: None,
        )


def test_springs_own_scores_are_a_table_beside_the_others(tmp_path: Path) -> None:
    write_scene(tmp_path)
    predict = answer(5.0, 1.0)
    assert callable(predict)
    tables = evaluate(
        predict,
        quick=False,
        tasks=(Task.FLOW,),
        suites=suites_of([f"spring:left@{tmp_path}"]),
        report=lambda _: None,
    ).tables
    ours = next(row for row in tables["flow"] if row.method == "ours")
    assert ours.scores["epe"] == pytest.approx(2 / 5)  # every second value alone
    parts = {row.method: row.scores["epe"] for row in tables[BENCHMARK]}
    assert parts["ours, part: all"] == 0.0  # the nearest of four
    text = as_markdown(tables)
    assert f"### {BENCHMARK}" in text
    assert "| ours, part: rigid | 0.000 | 0.000 | 0.000 | 1.000 |" in text


def test_data_without_truth_cannot_be_scored(tmp_path: Path) -> None:
    for number in range(2):
        tiny_files.image(tmp_path / f"{number}.png", (4, 6))
    with pytest.raises(ValueError, match="has no labels, depth or flow, expected some to score"):
        suites_of([f"frames:{tmp_path}"])
