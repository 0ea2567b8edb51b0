"""Evaluation by planted predictors: a perfect one, and one that knows nothing."""

import numpy as np
import pytest
from numpy.typing import NDArray

from models.runtime.predictor import Prediction
from training import evaluate as evaluation
from training.data.file_formats import FileFormatError
from training.data.sample import Sample
from training.evaluate import as_markdown, evaluate
from training.suites import Suite


class Planted:
    """Three samples of every truth."""

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng(index)
        image = rng.integers(0, 256, (64, 80, 3), np.uint8)
        return Sample(
            name=str(index),
            image=image,
            next_image=np.roll(image, 2, axis=1),
            labels=rng.integers(0, 11, (64, 80), np.uint8),
            inverse_depth=rng.uniform(0.1, 1.0, (64, 80)).astype(np.float32),
            flow=np.tile(np.array([2.0, 0.0], np.float32), (64, 80, 1)),
        )


@pytest.fixture(autouse=True)
def _planted_suites(monkeypatch: pytest.MonkeyPatch) -> None:
    suite = Suite(key="planted", title="Planted", open=Planted, quick_every=2)
    for name in ("SEGMENTATION", "FLOW", "DEPTH"):
        monkeypatch.setattr(evaluation, name, (suite,))


def perfect(image: NDArray[np.uint8], next_image: NDArray[np.uint8] | None) -> Prediction:
    del next_image
    truth = next(s for s in (Planted()[i] for i in range(3)) if np.array_equal(s.image, image))
    assert truth.inverse_depth is not None
    return Prediction(labels=truth.labels, depth=truth.inverse_depth * 3 + 1, flow=truth.flow)


def blind(image: NDArray[np.uint8], next_image: NDArray[np.uint8] | None) -> Prediction:
    del next_image
    height, width = image.shape[:2]
    return Prediction(
        labels=np.zeros((height, width), np.uint8),
        depth=np.ones((height, width), np.float32),
        flow=np.zeros((height, width, 2), np.float32),
    )


def test_a_perfect_model_scores_perfectly_beside_its_baselines() -> None:
    tables = evaluate(perfect, quick=False, report=lambda _: None)
    (segmentation,) = tables["segmentation"]
    assert segmentation.scores["miou"] == 1.0
    assert segmentation.num_images == 3
    flow = {row.method: row.scores for row in tables["flow"]}
    assert flow["ours"]["epe"] == 0.0
    assert flow["zero"]["epe"] == pytest.approx(2.0)
    assert 0.0 < flow["DIS medium"]["epe"] < 2.0
    depth = {row.method: row.scores for row in tables["depth"]}
    assert depth["ours"]["abs_rel"] == pytest.approx(0.0, abs=1e-5)
    assert depth["best plane of the truth"]["delta1"] < 0.9


def test_a_blind_model_is_no_better_than_zero_flow() -> None:
    tables = evaluate(blind, quick=True, report=lambda _: None)
    flow = {row.method: row.scores for row in tables["flow"]}
    assert flow["ours"] == flow["zero"]
    assert tables["segmentation"][0].num_images == 2
    assert tables["segmentation"][0].scores["miou"] < 0.02


def test_an_unknown_data_set_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"called other, expected some of \['planted'"):
        evaluate(blind, quick=False, only=("other",), report=lambda _: None)


def test_a_missing_data_set_is_left_out_and_said_unless_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def absent() -> Planted:
        raise FileFormatError("/data/none: no such folder")

    suites = (
        Suite(key="none", title="None", open=absent),
        Suite(key="planted", title="Planted", open=Planted),
    )
    monkeypatch.setattr(evaluation, "DEPTH", suites)
    lines: list[str] = []
    tables = evaluate(blind, quick=True, report=lines.append)
    assert {row.suite for row in tables["depth"]} == {"planted"}
    assert "depth: None left out: /data/none: no such folder" in lines
    with pytest.raises(FileFormatError):
        evaluate(blind, quick=True, only=("none",), report=lines.append)


def test_a_model_is_scored_on_its_own_tasks() -> None:
    def flow_alone(image: NDArray[np.uint8], following: NDArray[np.uint8] | None) -> Prediction:
        return Prediction(flow=blind(image, following).flow)

    tables = evaluate(flow_alone, quick=True, tasks=("flow",), report=lambda _: None)
    assert {task: len(rows) for task, rows in tables.items()} == {
        "segmentation": 0,
        "flow": 3,
        "depth": 0,
    }


def test_the_tables_name_data_set_method_and_scores() -> None:
    text = as_markdown(evaluate(blind, quick=True, report=lambda _: None))
    assert "### flow" in text
    assert "| Planted | 2, a part | zero | 2.000 |" in text
    assert "Planted (scale and shift fitted, to 80 m, rmse in m)" in text
