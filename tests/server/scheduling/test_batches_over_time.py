"""Whatever comes, in the time of a simulated engine: nobody is lost, no bound broken."""

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.image.sizes import padded_size
from server.scheduling.batcher import BatchPolicy
from server.scheduling.cost import CostModel, GraphCost
from server.scheduling.job import Priority
from server.scheduling.lane import Waiting
from tests.server.scheduling.simulation import (
    CPU,
    DEVICE,
    Simulation,
    cost_model,
    ids,
    waiting,
)

sides = st.integers(1, 400)
arrivals = st.lists(
    st.builds(
        lambda size, gap_s, patience_s, priority, num_frames: (
            size,
            gap_s,
            patience_s,
            priority,
            num_frames,
        ),
        st.tuples(sides, sides),
        st.floats(0.0, 0.05),
        st.floats(0.001, 3.0),
        st.sampled_from(Priority),
        st.integers(1, 2),
    ),
    max_size=25,
).map(
    lambda rows: [
        waiting(
            id_,
            size=size,
            arrived_s=sum(row[1] for row in rows[: id_ + 1]),
            deadline_s=sum(row[1] for row in rows[: id_ + 1]) + patience_s,
            priority=priority,
            num_frames=num_frames,
        )
        for id_, (size, _, patience_s, priority, num_frames) in enumerate(rows)
    ]
)
terms = st.floats(0.0, 0.1)
costs = st.builds(
    lambda a, b, c: GraphCost(s_per_mpx=a, s_per_image=b, s_per_call=c + 1e-4), terms, terms, terms
)
policies = st.builds(
    BatchPolicy,
    pixel_budget=st.integers(1, 500_000),
    max_jobs=st.integers(1, 9),
    max_wait_s=st.floats(0.0, 0.1),
    aging_s=st.floats(0.0, 1.0),
)


@settings(max_examples=40)
@given(arrivals=arrivals, cost=costs, flow=costs, policy=policies, data=st.data())
def test_whatever_comes_nobody_is_lost_doubled_or_starved_and_no_bound_is_broken(
    arrivals: list[Waiting],
    cost: GraphCost,
    flow: GraphCost,
    policy: BatchPolicy,
    data: st.DataObject,
) -> None:
    leaving = data.draw(
        st.dictionaries(st.sampled_from(range(len(arrivals))), st.floats(0.0, 3.0), max_size=5)
        if arrivals
        else st.just({})
    )
    leaving = {id_: max(s, arrivals[id_].arrived_s) for id_, s in leaving.items()}
    simulation = Simulation(policy=policy, cost=cost_model(cost, flow, stride=1))
    simulation.run(arrivals, leaving=leaving)
    served = simulation.ran_ids + simulation.expired
    assert len(served) == len(set(served))
    assert {one.id for one in arrivals} - set(served) <= set(leaving)
    for ran in simulation.ran:
        batch = ran.decision.run
        assert len(batch) <= policy.max_jobs
        assert all(one.deadline_s > ran.began_s for one in batch)
        if len(batch) > 1 or ran.decision.together and batch[0].shape.num_frames > 1:
            assert padded_px(batch) <= policy.pixel_budget
        if len(batch) > 1:
            assert all(one.deadline_s >= ran.ended_s for one in batch)


@settings(max_examples=40)
@given(arrivals=arrivals, cost=costs, policy=policies)
def test_the_leader_is_the_most_urgent_of_its_lane_and_overtaken_only_where_it_would_not_gain(
    arrivals: list[Waiting], cost: GraphCost, policy: BatchPolicy
) -> None:
    model = cost_model(cost)
    simulation = Simulation(policy=policy, cost=model)
    patient = [replace(one, deadline_s=one.deadline_s + 1000.0) for one in arrivals]
    simulation.run(patient)
    for ran in simulation.ran:
        leader, batch = ran.decision.run[0], ran.decision.run
        left = [one for one in ran.left if one.priority is leader.priority]
        assert all(one.deadline_s >= leader.deadline_s for one in left)
        mates = [one for one in batch if one.priority is leader.priority]
        for one in left:
            before = [mate for mate in mates if mate.deadline_s <= one.deadline_s]
            if len(before) < len(mates):  # somebody less urgent went before it
                assert not gains(model, before, one, num_behind=len(ran.left) + len(batch))


@pytest.mark.parametrize(("cost", "per_s"), [(CPU, 26.0), (DEVICE, 500.0)])
def test_at_twice_the_capacity_as_much_is_answered_in_time_as_at_the_capacity(
    cost: GraphCost, per_s: float
) -> None:
    chance = random.Random(0)
    crowd, now_s = [], 0.0
    for id_ in range(round(2 * per_s)):
        now_s += chance.expovariate(per_s)
        size = (chance.randint(100, 400), chance.randint(100, 500))
        crowd.append(waiting(id_, size=size, arrived_s=now_s, deadline_s=now_s + 0.4))
    simulation = Simulation(
        policy=BatchPolicy(pixel_budget=1_000_000, max_wait_s=0.0), cost=cost_model(cost)
    )
    simulation.run(crowd)
    deadlines = {one.id: one.deadline_s for one in crowd}
    late = [
        one
        for ran in simulation.ran
        for one in ids(ran.decision.run)
        if ran.ended_s > deadlines[one]
    ]
    # The engine works all the while, and hardly anything of that for nothing.
    busy_s = math.fsum(ran.ended_s - ran.began_s for ran in simulation.ran)
    assert busy_s > 0.9 * now_s
    assert len(simulation.expired) > 0.2 * len(crowd)
    assert len(late) < 0.02 * len(crowd)


def padded_px(batch: tuple[Waiting, ...]) -> int:
    """Of all frames of a batch, each padded to the largest."""
    height, width = padded_size([one.shape.size for one in batch])
    return height * width * sum(one.shape.num_frames for one in batch)


def gains(model: CostModel, batch: list[Waiting], one: Waiting, *, num_behind: int) -> bool:
    """By the rule: the sum of all times to finish shrinks, and it saves a tenth of its own."""
    batch_s = model.batch_s([mate.shape for mate in batch])
    grown_s = model.batch_s([*(mate.shape for mate in batch), one.shape])
    saved_s = batch_s + model.alone_s(one.shape) - grown_s
    enough = saved_s > 0.1 * model.alone_s(one.shape) + 1e-9
    behind = num_behind - len(batch)
    return enough and behind * saved_s > len(batch) * (grown_s - batch_s) + 1e-9


@settings(max_examples=15)
@given(num_batch=st.integers(1, 8), aging_s=st.floats(0.0, 0.5), cost_s=st.floats(0.05, 0.2))
def test_batch_work_ends_even_if_interactive_work_never_does(
    num_batch: int, aging_s: float, cost_s: float
) -> None:
    cost = GraphCost(s_per_mpx=0.0, s_per_image=cost_s, s_per_call=0.0)
    folder = [waiting(id_, priority=Priority.BATCH, deadline_s=900.0) for id_ in range(num_batch)]
    # As much as the engine can do, for as long as twice the folder takes.
    crowd = [
        waiting(100 + n, arrived_s=n * cost_s, deadline_s=n * cost_s + 300.0)
        for n in range(2 * num_batch + int(aging_s / cost_s) + 4)
    ]
    policy = BatchPolicy(pixel_budget=10**6, aging_s=aging_s)
    simulation = Simulation(policy=policy, cost=cost_model(cost))
    simulation.run([*folder, *crowd])
    ended = {one.id: ran.ended_s for ran in simulation.ran for one in ran.decision.run}
    last_s = max(ended[one.id] for one in folder)
    assert last_s <= aging_s + (2 * num_batch + 2) * cost_s + 1e-6
    assert simulation.expired == []
