"""Evaluation by planted predictors: a perfect one, and one that knows nothing."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models.runtime.predictor import Prediction
from training.data.file_formats import FileFormatError
from training.data.sample import Sample
from training.scoring import evaluate as evaluation
from training.scoring.evaluate import OtherClassesError, as_markdown, evaluate
from training.scoring.scorers.depth import DepthFindings
from training.scoring.scorers.flow import FlowFindings, FlowScorer
from training.scoring.scorers.segmentation import SegmentationFindings
from training.scoring.suites import Suite


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
    tables = evaluate(perfect, quick=False, report=lambda _: None).tables
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
    tables = evaluate(blind, quick=True, report=lambda _: None).tables
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
    found = evaluate(blind, quick=True, report=lines.append)
    assert {row.suite for row in found.tables["depth"]} == {"planted"}
    assert [(one.task, one.title) for one in found.left_out] == [("depth", "None")]
    assert "depth: None left out: /data/none: no such folder" in lines
    with pytest.raises(FileFormatError):
        evaluate(blind, quick=True, only=("none",), report=lines.append)


class Broken(Planted):
    """The last sample's file is gone."""

    def __getitem__(self, index: int) -> Sample:
        if index == 2:
            raise FileFormatError("/data/broken/2.png: No such file")
        return super().__getitem__(index)


class Unknown(Planted):
    """Truth of every kind that says nothing."""

    def __getitem__(self, index: int) -> Sample:
        sample = super().__getitem__(index)
        return replace(
            sample,
            labels=np.full(sample.size, 255, np.uint8),
            inverse_depth=np.full(sample.size, np.nan, np.float32),
            flow=np.full((*sample.size, 2), np.nan, np.float32),
        )


@pytest.mark.parametrize("kind", [Broken, Unknown])
def test_a_data_set_that_cannot_be_scored_leaves_the_others_their_scores(
    monkeypatch: pytest.MonkeyPatch, kind: type[Planted]
) -> None:
    suites = (
        Suite(key="odd", title="Odd", open=kind),
        Suite(key="planted", title="Planted", open=Planted),
    )
    for name in ("SEGMENTATION", "FLOW", "DEPTH"):
        monkeypatch.setattr(evaluation, name, suites)
    found = evaluate(blind, quick=False, report=lambda _: None)
    assert len(found.findings) == 3
    for task, rows in found.tables.items():
        assert {row.suite for row in rows} == {"planted"}, task
    expected = "No such file" if kind is Broken else "no pixel has a known"
    assert [one.title for one in found.left_out] == ["Odd"] * 3
    assert all(expected in one.reason for one in found.left_out)
    with pytest.raises(ValueError, match=expected):
        evaluate(blind, quick=False, only=("odd",), report=lambda _: None)


def test_pairs_that_are_hidden_everywhere_have_no_score_of_what_is_seen() -> None:
    scorer = FlowScorer()
    sample = replace(Planted()[0], occluded=np.ones((64, 80), np.bool_))
    scorer.add(sample, blind(sample.image, None))
    assert {"epe", "fl_all"} <= scorer.lines()[0].scores.keys()
    assert "epe_noc" not in scorer.lines()[0].scores


def test_a_model_is_scored_on_its_own_tasks() -> None:
    def flow_alone(image: NDArray[np.uint8], following: NDArray[np.uint8] | None) -> Prediction:
        return Prediction(flow=blind(image, following).flow)

    tables = evaluate(flow_alone, quick=True, tasks=("flow",), report=lambda _: None).tables
    assert {task: len(rows) for task, rows in tables.items()} == {
        "segmentation": 0,
        "flow": 3,
        "depth": 0,
    }


def test_the_tables_name_data_set_method_and_scores() -> None:
    text = as_markdown(evaluate(blind, quick=True, report=lambda _: None).tables)
    assert "### flow" in text
    assert "| Planted | 2, a part | zero | 2.000 |" in text
    assert "Planted (scale and shift fitted, to 80 m, rmse in m)" in text


class Clip:
    """A scene that moves by two pixels to the right from frame to frame, and its labels with it."""

    def __len__(self) -> int:
        return 5

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng(7)
        wide = np.kron(rng.integers(0, 11, (8, 20)), np.ones((8, 8), int)).astype(np.uint8)
        labels = np.roll(wide, 2 * index, axis=1)[:, 40:120]
        return Sample(name=f"{index}", image=np.tile(labels[..., None], (1, 1, 3)), labels=labels)


def moving(image: NDArray[np.uint8], other: NDArray[np.uint8] | None) -> Prediction:
    """Sees which way the clip goes: towards a later frame things move to the right."""
    flow = None
    if other is not None:
        later = np.array_equal(other[:, 2:], image[:, :-2])
        assert later or np.array_equal(image[:, 2:], other[:, :-2])
        flow = np.tile(np.array([2.0 if later else -2.0, 0], np.float32), (64, 80, 1))
    return Prediction(labels=image[..., 0], flow=flow)


@pytest.mark.parametrize(("quick", "num_pairs"), [(False, 4), (True, 2)])
def test_a_clip_is_scored_for_steadiness_by_our_flow_between_neighbours(
    monkeypatch: pytest.MonkeyPatch, quick: bool, num_pairs: int
) -> None:
    suite = Suite(key="clip", title="Clip", open=Clip, quick_every=2, is_clip=True)
    monkeypatch.setattr(evaluation, "SEGMENTATION", (suite,))
    found = evaluate(moving, quick=quick, tasks=("segmentation", "flow"), only=("clip",), **QUIET)
    ours, by_hand = found.tables["temporal consistency"]
    assert ours.scores["temporal_consistency"] == ours.scores["temporal_agreement"] == 1.0
    assert ours.scores["share_compared"] == pytest.approx(78 / 80)
    assert by_hand.scores == ours.scores
    assert (ours.num_images, ours.conditions) == (num_pairs, "our flow")
    still = evaluate(still_labels, quick=quick, tasks=("segmentation",), only=("clip",), **QUIET)
    ours, by_hand = still.tables["temporal consistency"]
    assert ours.conditions == "flow of DIS"
    assert ours.scores["temporal_agreement"] < by_hand.scores["temporal_agreement"]


def still_labels(image: NDArray[np.uint8], other: NDArray[np.uint8] | None) -> Prediction:
    assert image.shape == (64, 80, 3)
    assert other is None
    return Prediction(labels=Clip()[0].labels)


QUIET: dict[str, Any] = {"report": lambda _: None}


def test_labels_of_other_classes_are_left_out() -> None:
    found = evaluate(blind, quick=True, class_names=("yes", "no"), **QUIET)
    assert found.tables["segmentation"] == []
    (left_out,) = found.left_out
    assert left_out.reason.startswith(
        "Planted has 11 classes from sky to bicyclist, the model 2 (yes, no, ...): score it"
    )
    with pytest.raises(OtherClassesError):
        evaluate(blind, quick=True, class_names=("yes", "no"), only=("planted",), **QUIET)


def noisy(image: NDArray[np.uint8], following: NDArray[np.uint8] | None) -> Prediction:
    """Off by more at brighter pixels, and knows it."""
    truth = perfect(image, following)
    assert truth.flow is not None
    assert truth.depth is not None
    off = image[..., 0] / np.float32(64)
    noise = (image[..., 1] - np.float32(127.5)) / 10_000
    return Prediction(
        labels=truth.labels,
        flow=truth.flow + np.stack([0.6 * off, 0.8 * off], axis=-1).astype(np.float32),
        flow_uncertainty=off.astype(np.float16),
        depth=(truth.depth + noise).astype(np.float32),
        depth_uncertainty=np.abs(noise).astype(np.float16),
    )


def test_an_uncertainty_that_knows_the_error_has_hardly_any_ause() -> None:
    tables = evaluate(noisy, quick=False, **QUIET).tables
    flow = {row.method: row.scores for row in tables["flow"]}
    assert flow["ours"]["ause"] == pytest.approx(0, abs=1e-3)
    assert "ause" not in flow["DIS medium"]
    (ours, _) = tables["depth"]
    assert ours.scores["ause"] == pytest.approx(0, abs=1e-2)
    assert "| Planted | 3 | zero | 2.000 | 1.000 | 0.000 | 2.000 | - |" in as_markdown(tables)


def test_one_pass_finds_the_worst_images_and_where_the_errors_are() -> None:
    found = {type(one).__name__: one for one in evaluate(noisy, quick=False, **QUIET).findings}
    flow = found["FlowFindings"]
    assert isinstance(flow, FlowFindings)
    # All of it moves by 2 px: one bin holds everything, with the error of the whole set.
    assert flow.speed["ours"].shares().tolist() == [1.0, 0.0, 0.0]
    assert flow.speed["ours"].means()[0] == pytest.approx(1.99, abs=0.05)  # 127.5 / 64
    scores = [one.value for one in flow.per_image]
    assert len(scores) == 3
    worst = flow.cases.worst
    assert [case.badness for case in worst] == sorted(scores, reverse=True)[:2]
    assert flow.cases.best is not None
    assert flow.cases.best.badness == min(scores)
    segmentation = found["SegmentationFindings"]
    assert isinstance(segmentation, SegmentationFindings)
    assert segmentation.confusion.sum() == 3 * 64 * 80
    assert np.count_nonzero(segmentation.confusion - np.diag(np.diag(segmentation.confusion))) == 0
    depth = found["DepthFindings"]
    assert isinstance(depth, DepthFindings)
    # True depths lie in 1-10 m, evenly in inverse depth: nothing beyond 16 m of 80.
    assert depth.range["ours"].shares()[2:].tolist() == [0.0] * 5
