"""Who is next, with whom, and when. Time is a number here."""

from dataclasses import replace

import pytest

from server.scheduling.batcher import TRY_EVERY, Batcher, BatchPolicy
from server.scheduling.cost import GraphCost
from server.scheduling.job import Priority
from tests.server.scheduling.simulation import (
    CPU,
    DEVICE,
    cost_model,
    ids,
    waiting,
)

NO_WAIT = BatchPolicy(pixel_budget=1_000_000, max_wait_s=0.0)


def batcher_for(cost: GraphCost, policy: BatchPolicy = NO_WAIT) -> Batcher:
    return Batcher(policy, cost_model(cost))


def test_on_a_cpu_everybody_runs_alone_in_order() -> None:
    batcher = batcher_for(CPU)
    for id_ in (1, 2, 3):
        batcher.add(waiting(id_, arrived_s=float(id_)))
    taken = [ids(batcher.next_batch(now_s=3.0).run) for _ in range(4)]
    assert taken == [[1], [2], [3], []]


def test_where_calls_are_costly_sizes_are_mixed_in_one_batch() -> None:
    batcher = batcher_for(DEVICE)
    for id_, size in enumerate([(100, 120), (90, 130), (130, 90)]):
        batcher.add(waiting(id_, size=size))
    assert ids(batcher.next_batch(now_s=0.0).run) == [0, 1, 2]


def test_images_pairs_and_frames_of_streams_share_a_batch() -> None:
    batcher = batcher_for(DEVICE)
    stream = waiting(2)
    batcher.add(waiting(1, num_frames=2))
    batcher.add(replace(stream, shape=replace(stream.shape, has_flow=True)))
    batcher.add(waiting(3))
    decision = batcher.next_batch(now_s=0.0)
    assert ids(decision.run) == [1, 2, 3]
    assert decision.together


def test_padding_that_costs_more_than_a_call_keeps_them_apart() -> None:
    # 10x900 and 900x10 together: 900x900x2 = 1.62 Mpx for 0.018, 0.016 s more than apart.
    batcher = batcher_for(DEVICE, BatchPolicy(pixel_budget=10_000_000, max_wait_s=0.0))
    for id_, size in enumerate([(10, 9000), (300, 10), (20, 9000)]):
        batcher.add(waiting(id_, size=size))
    assert ids(batcher.next_batch(now_s=0.0).run) == [0, 2]
    assert ids(batcher.next_batch(now_s=0.0).run) == [1]


def test_a_batch_closes_where_the_next_one_would_break_the_budget() -> None:
    batcher = batcher_for(DEVICE, BatchPolicy(pixel_budget=30_000, max_wait_s=0.0))
    for id_ in range(5):
        batcher.add(waiting(id_, size=(100, 100)))
    assert ids(batcher.next_batch(now_s=0.0).run) == [0, 1, 2]
    assert ids(batcher.next_batch(now_s=0.0).run) == [3, 4]


def test_an_image_beyond_the_budget_runs_alone_and_its_pair_frame_by_frame() -> None:
    batcher = batcher_for(DEVICE, BatchPolicy(pixel_budget=30_000, max_wait_s=0.0))
    batcher.add(waiting(1, size=(200, 200), num_frames=2))
    batcher.add(waiting(2, size=(10, 10)))
    decision = batcher.next_batch(now_s=0.0)
    assert (ids(decision.run), decision.together) == ([1], False)


def test_a_large_image_waits_while_what_runs_has_the_memory() -> None:
    batcher = batcher_for(DEVICE)
    batcher.add(waiting(1, size=(200, 200)))
    busy = batcher.next_batch(now_s=0.0, room_px=39_999, engine_is_idle=False)
    assert (busy.run, len(batcher)) == ((), 1)
    assert ids(batcher.next_batch(now_s=0.0, room_px=39_999, engine_is_idle=True).run) == [1]


def test_no_batch_is_larger_than_the_free_memory() -> None:
    batcher = batcher_for(DEVICE)
    for id_ in range(3):
        batcher.add(waiting(id_, size=(100, 100)))
    assert ids(batcher.next_batch(now_s=0.0, room_px=20_000).run) == [0, 1]


def test_batches_can_be_switched_off() -> None:
    batcher = batcher_for(DEVICE, BatchPolicy(pixel_budget=10**6, max_jobs=1))
    batcher.add(waiting(1))
    batcher.add(waiting(2))
    assert ids(batcher.next_batch(now_s=0.0).run) == [1]


def test_a_suspect_runs_alone() -> None:
    batcher = batcher_for(DEVICE)
    batcher.add(waiting(1))
    batcher.add(waiting(2, alone=True), again=True)
    batcher.add(waiting(3))
    assert [ids(batcher.next_batch(now_s=0.0).run) for _ in range(2)] == [[1, 3], [2]]


def test_a_lane_is_in_the_order_of_deadlines() -> None:
    batcher = batcher_for(CPU)
    for id_, deadline_s in enumerate([30.0, 10.0, 20.0, 10.0]):
        batcher.add(waiting(id_, deadline_s=deadline_s))
    assert [ids(batcher.next_batch(now_s=0.0).run)[0] for _ in range(4)] == [1, 3, 2, 0]


def test_an_image_joins_while_all_together_gain_more_than_those_in_the_batch_lose() -> None:
    # Each of 0.5 Mpx costs a batch 0.0055 s, for a call of 0.02 s less: four wait 0.022 s.
    batcher = batcher_for(DEVICE, BatchPolicy(pixel_budget=10**7, max_wait_s=0.0))
    for id_ in range(5):
        batcher.add(waiting(id_, size=(500, 1000)))
    assert [len(batcher.next_batch(now_s=0.0).run) for _ in range(2)] == [4, 1]


def test_what_saves_less_than_a_tenth_is_noise() -> None:
    # 100x100 alone costs 0.0122 s. Beside 100x112 it saves a call of 0.0022 s, but for 0.0012 of
    # padding.
    cost = GraphCost(s_per_mpx=1.0, s_per_image=0.0, s_per_call=0.0022)
    for width, size in ((107, 2), (112, 1)):
        batcher = batcher_for(cost, replace(NO_WAIT, max_jobs=2))
        batcher.add(waiting(0, size=(100, width)))
        for id_ in range(1, 20):
            batcher.add(waiting(id_, size=(100, 100)))
        assert len(batcher.next_batch(now_s=0.0).run) == size


def test_while_jobs_are_lost_whoever_leaves_no_time_for_a_full_batch_does_not_lead() -> None:
    calm = batcher_for(DEVICE)
    lossy = batcher_for(DEVICE)
    lossy.add(waiting(0, deadline_s=0.5))
    for batcher in (calm, lossy):
        batcher.add(waiting(1, deadline_s=1.021))  # time for itself, and for nobody else
        for id_ in range(2, 6):
            batcher.add(waiting(id_, deadline_s=2.0))
    assert ids(calm.next_batch(now_s=1.0).run) == [1]
    decision = lossy.next_batch(now_s=1.0)
    assert (ids(decision.expired), ids(decision.run)) == ([0], [2, 3, 4, 5])


def test_nobody_joins_who_would_make_a_member_late() -> None:
    batcher = batcher_for(DEVICE, BatchPolicy(pixel_budget=10**7, max_wait_s=0.0))
    # Alone 0.0306 s; with a second one 0.041.
    batcher.add(waiting(1, size=(1000, 1000), deadline_s=0.04))
    batcher.add(waiting(2, size=(1000, 1000), deadline_s=9.0))
    assert ids(batcher.next_batch(now_s=0.0).run) == [1]


def test_expired_requests_are_handed_back_and_do_not_run() -> None:
    batcher = batcher_for(CPU)
    batcher.add(waiting(1, deadline_s=5.0))
    batcher.add(waiting(2))
    batcher.add(waiting(3, deadline_s=5.0, priority=Priority.BATCH))
    decision = batcher.next_batch(now_s=5.0)
    assert (ids(decision.expired), ids(decision.run)) == ([1, 3], [2])


def test_one_who_leaves_is_not_counted_and_not_run() -> None:
    batcher = batcher_for(CPU)
    batcher.add(waiting(1, size=(1, 3)))
    batcher.add(waiting(2, size=(2, 2), num_frames=2))
    assert (len(batcher), batcher.num_pixels) == (2, 11)
    assert 1 in batcher
    assert batcher.drop(1)
    assert not batcher.drop(1)
    assert (len(batcher), batcher.num_pixels) == (1, 8)
    assert ids(batcher.next_batch(now_s=0.0).run) == [2]


def test_interactive_work_goes_first_until_batch_work_has_aged_and_then_they_take_turns() -> None:
    batcher = batcher_for(CPU, BatchPolicy(pixel_budget=10**6, aging_s=2.0))
    for id_ in range(4):
        batcher.add(waiting(id_, priority=Priority.BATCH, deadline_s=5.0))
    for id_ in range(10, 14):
        batcher.add(waiting(id_))
    young = [ids(batcher.next_batch(now_s=1.9).run)[0] for _ in range(1)]
    old = [ids(batcher.next_batch(now_s=2.0).run)[0] for _ in range(6)]
    assert (young, old) == ([10], [0, 11, 1, 12, 2, 13])


def test_it_waits_for_company_while_that_pays_and_no_longer() -> None:
    policy = BatchPolicy(pixel_budget=10**6, max_wait_s=1.0)
    batcher = batcher_for(DEVICE, policy)
    for id_ in range(5):  # one every millisecond
        batcher.add(waiting(id_, arrived_s=id_ * 1e-3))
    decision = batcher.next_batch(now_s=4e-3)
    assert decision.run == ()
    assert decision.wake_s is not None
    # One more saves 0.02 s of a call; a millisecond for each of five is less.
    assert decision.wake_s == pytest.approx(4e-3 + 0.02 / 5)
    assert len(batcher.next_batch(now_s=decision.wake_s).run) == 5


def test_it_waits_neither_beyond_the_bound_nor_into_a_deadline() -> None:
    policy = BatchPolicy(pixel_budget=10**6, max_wait_s=0.003)
    batcher = batcher_for(DEVICE, policy)
    batcher.add(waiting(1, arrived_s=0.0))
    batcher.add(waiting(2, arrived_s=0.001))
    assert batcher.next_batch(now_s=0.001).wake_s == pytest.approx(0.003)
    soon = batcher_for(DEVICE, replace(policy, max_wait_s=1.0))
    soon.add(waiting(1, arrived_s=0.0, deadline_s=0.03))
    soon.add(waiting(2, arrived_s=0.001))
    # Three of 0.01 Mpx take 0.0218 s.
    assert soon.next_batch(now_s=0.001).wake_s == pytest.approx(0.03 - 0.0218)


def test_it_does_not_wait_for_rare_guests_nor_where_batches_do_not_pay() -> None:
    policy = BatchPolicy(pixel_budget=10**6, max_wait_s=1.0)
    rare, cpu = batcher_for(DEVICE, policy), batcher_for(CPU, policy)
    for id_ in range(3):
        rare.add(waiting(id_, arrived_s=id_ * 0.5))
        cpu.add(waiting(id_, arrived_s=id_ * 1e-3))
        assert ids(rare.next_batch(now_s=id_ * 0.5).run) == [id_]
        assert ids(cpu.next_batch(now_s=id_ * 1e-3).run) == [id_]


def test_after_a_night_the_first_waits_for_nobody_and_the_rush_hour_is_noticed_soon() -> None:
    batcher = batcher_for(DEVICE, BatchPolicy(pixel_budget=10**6, max_wait_s=1.0))
    for id_ in range(50):  # an evening
        batcher.add(waiting(id_, arrived_s=id_ * 1e-3))
    batcher.take_all()
    morning_s, waits = 30_000.0, []
    for id_ in range(20):
        now_s = morning_s + id_ * 1e-3
        batcher.add(waiting(100 + id_, arrived_s=now_s, deadline_s=1e6))
        waits.append(batcher.next_batch(now_s=now_s).wake_s is not None)
    assert not waits[0]
    assert True in waits[1:]


def test_the_time_ahead_counts_who_would_be_served_before() -> None:
    one_s = GraphCost(s_per_mpx=0.0, s_per_image=1.0, s_per_call=0.0)
    batcher = batcher_for(one_s, BatchPolicy(pixel_budget=10**6, aging_s=10.0))
    batcher.add(waiting(1, deadline_s=50.0))
    batcher.add(waiting(2, deadline_s=90.0))
    for id_ in (3, 4, 5):
        batcher.add(waiting(id_, deadline_s=70.0, priority=Priority.BATCH))
    ahead = [
        batcher.seconds_ahead(Priority.INTERACTIVE, 60.0, now_s=0.0),
        batcher.seconds_ahead(Priority.INTERACTIVE, 99.0, now_s=0.0),
        batcher.seconds_ahead(Priority.BATCH, 60.0, now_s=0.0),
        batcher.seconds_ahead(Priority.BATCH, 99.0, now_s=0.0),
        batcher.seconds_ahead(Priority.INTERACTIVE, 99.0, now_s=10.0),  # they take turns now
    ]
    assert ahead == [1.0, 2.0, 2.0, 5.0, 4.0]


def test_a_saving_that_is_not_sure_is_tried_now_and_then() -> None:
    model = cost_model(DEVICE)
    for fit in model.graphs.values():
        fit.doubt_s = fit.cost.s_per_call
    batcher = Batcher(NO_WAIT, model)
    for id_ in range(TRY_EVERY + 10):
        batcher.add(waiting(id_))
    sizes = [len(batcher.next_batch(now_s=0.0).run) for _ in range(TRY_EVERY + 3)]
    assert sizes == [1] * TRY_EVERY + [2, 1, 1]
