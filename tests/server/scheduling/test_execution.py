"""A batch fails: its halves run, and theirs, until the culprit stands alone."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.runtime.job import Job
from models.runtime.predictor import Outcome, Prediction
from models.task import Task
from server.scheduling.execution import run_batch


class Engine:
    """Answers with each image's height; fails on batches that hold a culprit."""

    def __init__(self, culprits: set[int]) -> None:
        self.culprits = culprits
        self.batches: list[list[int]] = []

    def __call__(self, jobs: Sequence[Job]) -> list[Outcome]:
        sides = [job.size[0] for job in jobs]
        self.batches.append(sides)
        if self.culprits & set(sides):
            raise RuntimeError("no")
        maps = [np.full((1, 1), side, np.float32) for side in sides]
        return [Outcome(prediction=Prediction(depth=depth), features=None) for depth in maps]


def jobs(count: int) -> list[Job]:
    images = [np.zeros((side, 1, 3), np.uint8) for side in range(1, count + 1)]
    return [Job(image=image, tasks=frozenset({Task.DEPTH})) for image in images]


@given(count=st.integers(1, 12), culprits=st.sets(st.integers(1, 12)))
def test_everyone_is_answered_once_and_the_culprits_alone_fail(
    count: int, culprits: set[int]
) -> None:
    found = list(run_batch(Engine(culprits), jobs(count)))
    assert sorted(place for place, _ in found) == list(range(count))
    for place, outcome in found:
        if place + 1 in culprits:
            assert isinstance(outcome, RuntimeError)
            assert outcome.__traceback__ is None  # it would keep every image of the batch
        else:
            assert isinstance(outcome, Outcome)
            assert outcome.prediction.depth == place + 1


def test_one_culprit_among_eight_costs_six_more_calls() -> None:
    engine = Engine({6})
    list(run_batch(engine, jobs(8)))
    assert [len(batch) for batch in engine.batches] == [8, 4, 4, 2, 1, 1, 2]


def test_what_ends_a_thread_is_not_caught() -> None:
    def run(_: Sequence[Job]) -> list[Outcome]:
        raise SystemExit

    with pytest.raises(SystemExit):
        list(run_batch(run, jobs(2)))
