"""Who waits, in order, and how much work that is."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.scheduling.cost import CostModel, GraphCost, Shape
from server.scheduling.lane import Lane
from tests.server.scheduling.simulation import CPU, DEVICE, cost_model, waiting

jobs = st.lists(
    st.tuples(st.integers(1, 300), st.integers(1, 300), st.integers(1, 2), st.integers(0, 9)),
    max_size=12,
)


@pytest.mark.parametrize("cost", [CPU, DEVICE])
@given(jobs=jobs, gone=st.sets(st.integers(0, 11)), deadline_s=st.integers(0, 9))
def test_the_work_until_a_deadline_is_that_of_everyone_up_to_there(
    cost: GraphCost, jobs: list[tuple[int, int, int, int]], gone: set[int], deadline_s: int
) -> None:
    model = cost_model(cost, stride=16)
    lane = Lane(model.work)
    everyone = [
        waiting(id_, size=(height, width), num_frames=num_frames, deadline_s=float(at_s))
        for id_, (height, width, num_frames, at_s) in enumerate(jobs)
    ]
    for one in everyone:
        lane.add(one)
    for id_ in gone:
        assert (lane.remove(id_) is not None) == (id_ < len(jobs))
    left = [one for one in everyone if one.id not in gone]
    assert sorted(one.id for one in lane) == [one.id for one in left]
    until = [one for one in left if one.deadline_s <= deadline_s]
    expected_s = math.fsum(model.alone_s(one.shape) for one in until)
    assert model.seconds(lane.work_until(float(deadline_s))) == pytest.approx(expected_s)


def test_what_was_learned_since_they_came_counts_for_those_that_wait() -> None:
    model = CostModel()
    lane = Lane(model.work)
    lane.add(waiting(1, size=(100, 100)))
    before_s = model.seconds(lane.work_until(math.inf))
    model.graphs["frame"].observe(num_pixels=10_000, num_images=1, measured_s=50 * before_s)
    assert model.seconds(lane.work_until(math.inf)) == model.alone_s(Shape(size=(100, 100)))
    assert model.seconds(lane.work_until(math.inf)) > 2 * before_s
