"""Many jobs in one batch: each gets what it would get alone."""

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.bundle_folder import read_bundle
from models.runtime.inputs import InputError
from models.runtime.job import Job
from models.runtime.predictor import Outcome, Prediction, predict_batch
from models.runtime.protocol import Runtime
from models.runtime.select import ENGINES, select_runtime
from models.task import Task

STREET = Path(__file__).parents[3] / "models" / "bundles" / "street"
STRIDE = 16
ALL = frozenset(Task)
installed = [engine for engine in ENGINES if find_spec(engine) is not None]


@cache
def street(engine: str) -> Runtime:
    bundle = read_bundle(STREET)
    return select_runtime(STREET, bundle, engine=engine, precision="f32", threads=1).runtime


@cache
def toy(folder: Path) -> Runtime:
    return select_runtime(folder, read_bundle(folder), engine="onnxruntime", threads=1).runtime


def noise(size: tuple[int, int], seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng([*size, seed]).integers(0, 256, (*size, 3), np.uint8)


def job(runtime: Runtime, kind: str, size: tuple[int, int]) -> Job:
    """An image, a pair, or a frame of a stream whose frame before it ran by itself."""
    image, other = noise(size), np.roll(noise(size), (1, 2), axis=(0, 1))
    if kind == "image":
        return Job(image=image, tasks=ALL, keep_features=True)
    if kind == "pair":
        return Job(image=image, next_image=other, tasks=ALL)
    first = Job(image=image, tasks=frozenset(), keep_features=True)
    kept = predict_batch(runtime, [first], stride=STRIDE)[0].features
    return Job(image=other, previous=kept, tasks=ALL, keep_features=True)


def assert_same(found: Outcome, expected: Outcome) -> None:
    """Within what float32 leaves open: a sum in another order."""
    one, other = found.prediction, expected.prediction
    assert (one.flow is None) == (other.flow is None)
    assert one.labels is not None
    assert other.labels is not None
    assert other.label_confidence is not None
    sure = other.label_confidence > 0.5  # else two classes may tie
    np.testing.assert_array_equal(one.labels[sure], other.labels[sure])
    tolerances = {
        "label_confidence": (2e-3, 1e-3),
        "depth": (2e-3, 1e-3),
        "depth_uncertainty": (2e-3, 1e-3),
        "flow": (1e-3, 5e-3),
    }
    for name, (rtol, atol) in tolerances.items():
        a, b = getattr(one, name), getattr(other, name)
        if b is not None:
            assert a.shape == b.shape
            np.testing.assert_allclose(
                a.astype(np.float64), b.astype(np.float64), rtol=rtol, atol=atol, err_msg=name
            )
    assert (found.features is None) == (expected.features is None)
    if found.features is not None and expected.features is not None:
        for name, level in expected.features.levels.items():
            assert found.features.levels[name].shape == level.shape


kinds = st.sampled_from(["image", "pair", "stream"])


def batches(longest: int) -> st.SearchStrategy[list[tuple[str, tuple[int, int]]]]:
    side = st.integers(1, longest)
    return st.lists(st.tuples(kinds, st.tuples(side, side)), min_size=2, max_size=3)


@settings(max_examples=25)
@given(rows=batches(70), together=st.booleans())
def test_the_toy_answers_alike_alone_and_in_company(
    folder: Path, rows: list[tuple[str, tuple[int, int]]], together: bool
) -> None:
    runtime = toy(folder)
    jobs = [job(runtime, kind, size) for kind, size in rows]
    found = predict_batch(runtime, jobs, stride=STRIDE, together=together)
    for one, outcome in zip(jobs, found, strict=True):
        assert_same(outcome, predict_batch(runtime, [one], stride=STRIDE)[0])


@pytest.mark.parametrize("engine", installed)
@settings(max_examples=3)
@given(rows=batches(40))
def test_the_shipped_model_answers_alike_alone_and_in_company(
    engine: str, rows: list[tuple[str, tuple[int, int]]]
) -> None:
    runtime = street(engine)
    jobs = [job(runtime, kind, size) for kind, size in rows]
    found = predict_batch(runtime, jobs, stride=STRIDE)
    for one, outcome in zip(jobs, found, strict=True):
        assert_same(outcome, predict_batch(runtime, [one], stride=STRIDE)[0])


@pytest.mark.parametrize("engine", installed)
def test_a_stream_and_a_pair_agree(engine: str) -> None:
    runtime = street(engine)
    first, second = noise((50, 71)), np.roll(noise((50, 71)), (1, 2), axis=(0, 1))
    pair = Job(image=first, next_image=second, tasks=ALL)
    begun = Job(image=first, tasks=ALL, keep_features=True)
    kept = predict_batch(runtime, [begun], stride=STRIDE)[0].features
    stream = Job(image=second, previous=kept, tasks=frozenset({Task.FLOW}))
    a, b = (predict_batch(runtime, [one], stride=STRIDE)[0].prediction for one in (pair, stream))
    assert a.flow is not None
    assert b.flow is not None
    worst = float(np.abs(a.flow - b.flow).max())
    assert worst < 5e-3, f"they differ by up to {worst} px"
    assert b.labels is None


def test_more_padding_changes_nothing(folder: Path) -> None:
    runtime = toy(folder)
    asked: list[tuple[str, int, tuple[int, int]]] = []

    def larger(graph: str, num_images: int, size: tuple[int, int]) -> tuple[int, int]:
        asked.append((graph, num_images, size))
        return size[0] + 30, size[1] + 17

    pair = job(runtime, "pair", (21, 34))
    found = predict_batch(runtime, [pair], stride=STRIDE, shape_of=larger)[0]
    assert asked == [("frame", 2, (21, 34)), ("flow", 1, (21, 34))]
    assert_same(found, predict_batch(runtime, [pair], stride=STRIDE)[0])


def test_an_answer_does_not_keep_its_batch_in_memory(folder: Path) -> None:
    runtime = toy(folder)
    jobs: Sequence[Job] = [job(runtime, "pair", size) for size in ((5, 6), (60, 70))]
    small = predict_batch(runtime, jobs, stride=STRIDE)[0].prediction
    maps = [getattr(small, name) for name in Prediction.__dataclass_fields__]
    assert all(one.base is None or one.base.size == one.size for one in maps)


def test_the_newest_frame_is_the_one_that_is_kept(folder: Path) -> None:
    runtime = toy(folder)
    first, second = np.full((16, 16, 3), 10, np.uint8), np.full((16, 16, 3), 30, np.uint8)
    pair = Job(image=first, next_image=second, tasks=frozenset({Task.DEPTH}), keep_features=True)
    outcome = predict_batch(runtime, [pair], stride=STRIDE)[0]
    assert outcome.features is not None
    assert (outcome.features.levels["16"] == 30).all()
    assert outcome.prediction.depth is not None
    np.testing.assert_allclose(outcome.prediction.depth, 10)
    assert outcome.prediction.flow is None


def test_only_frames_that_somebody_needs_are_encoded() -> None:
    image = np.zeros((4, 4, 3), np.uint8)
    pair = Job(image=image, next_image=image, tasks=frozenset({Task.DEPTH}))
    assert (len(pair.frames), pair.has_flow) == (1, False)


def test_a_job_with_three_frames_is_refused(folder: Path) -> None:
    runtime = toy(folder)
    stream = job(runtime, "stream", (4, 4))
    with pytest.raises(InputError, match="expected one of them"):
        Job(image=stream.image, next_image=stream.image, previous=stream.previous, tasks=ALL)
