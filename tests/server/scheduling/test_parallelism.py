"""One batch at a time, until two were measured to do more."""

import pytest

from server.scheduling.parallelism import (
    CALLS,
    HALF_S,
    LONGEST_HALF_S,
    LONGEST_PAUSE_S,
    PAUSE_S,
    Parallelism,
)


def run(parallel: Parallelism, *, speed: dict[int, float], batches: int) -> list[int]:
    """Batches of one second of work on an engine that does `speed` of them per second."""
    now_s, levels = 0.0, []
    for _ in range(batches):
        now_s += 1.0 / speed[parallel.level]
        levels.append(parallel.level)
        parallel.done(work_s=1.0, now_s=now_s, backlog=True)
    return levels


def test_a_second_one_stays_where_it_does_a_tenth_more() -> None:
    parallel = Parallelism(at_most=2)
    levels = run(parallel, speed={1: 1.0, 2: 1.5}, batches=3 * CALLS + 20)
    assert levels[: CALLS + 2] == [1] * (CALLS + 2)
    assert set(levels[CALLS + 2 :]) == {2}


def test_the_first_batch_of_a_trial_began_before_it_and_does_not_count() -> None:
    parallel = Parallelism(at_most=2)
    now_s, before = 0.0, 1
    for _ in range(3 * CALLS):
        now_s += 20.0 if parallel.level != before else {1: 1.0, 2: 1 / 1.5}[parallel.level]
        before = parallel.level
        parallel.done(work_s=1.0, now_s=now_s, backlog=True)
    assert parallel.level == 2


def test_short_batches_are_tried_for_seconds() -> None:
    parallel = Parallelism(at_most=2)
    levels = run(parallel, speed={1: 100.0, 2: 100.0}, batches=2000)
    assert levels.count(2) == pytest.approx(100 * HALF_S, abs=3)


@pytest.mark.parametrize("gain", [0.7, 1.0, 1.05])
def test_it_goes_back_to_one_where_a_second_one_gains_nothing(gain: float) -> None:
    parallel = Parallelism(at_most=2)
    levels = run(parallel, speed={1: 1.0, 2: gain}, batches=100)
    assert levels.count(2) == CALLS + 1
    assert levels[-1] == 1


def test_it_tries_less_and_less_often() -> None:
    parallel = Parallelism(at_most=2)
    levels = run(parallel, speed={1: 1.0, 2: 1.0}, batches=26_000)
    begun = [
        n for n, (a, b) in enumerate(zip(levels, levels[1:], strict=False)) if (a, b) == (1, 2)
    ]
    gaps = [later - earlier for earlier, later in zip(begun, begun[1:], strict=False)]
    assert gaps == sorted(gaps)
    assert gaps[0] > 2 * PAUSE_S
    assert LONGEST_PAUSE_S < gaps[-1] < LONGEST_PAUSE_S + 4 * CALLS


def test_it_notices_when_a_second_one_no_longer_helps() -> None:
    parallel = Parallelism(at_most=2)
    run(parallel, speed={1: 1.0, 2: 1.5}, batches=100)
    assert parallel.level == 2
    run(parallel, speed={1: 1.5, 2: 1.5}, batches=round(1.5 * PAUSE_S) + 4 * CALLS)
    assert parallel.level == 1


def test_an_engine_that_waits_for_work_teaches_nothing() -> None:
    parallel = Parallelism(at_most=2)
    for n in range(500):
        parallel.done(work_s=1.0, now_s=10.0 * n, backlog=False)
    assert parallel.level == 1


def test_it_can_be_switched_off() -> None:
    assert set(run(Parallelism(at_most=1), speed={1: 1.0}, batches=100)) == {1}


def test_a_trial_with_one_less_may_end_where_it_began() -> None:
    parallel = Parallelism(at_most=2)
    now_s, seen = 0.0, []
    for _ in range(200):
        now_s += {1: 1.0, 2: 1 / 1.5}[parallel.level]
        parallel.done(work_s=1.0, now_s=now_s, backlog=True)
        seen.append((parallel.level, parallel.most))
    assert list(dict.fromkeys(seen)) == [(1, 1), (2, 2), (1, 2)]
    assert seen[-1] == (2, 2)


def test_little_less_is_no_reason_to_go_back() -> None:
    parallel = Parallelism(at_most=2)
    levels = run(parallel, speed={1: 1.0, 2: 1.15}, batches=100)
    assert levels[-1] == 2
    levels = run(parallel, speed={1: 1.0, 2: 1.05}, batches=2000)
    assert levels[-1] == 2
    levels = run(parallel, speed={1: 1.0, 2: 1.0}, batches=2000)
    assert levels[-1] == 1


def test_a_half_that_takes_too_long_is_of_another_load() -> None:
    parallel = Parallelism(at_most=2)
    for n in range(CALLS + 2):
        parallel.done(work_s=1.0, now_s=float(n), backlog=True)
    assert parallel.level == 2
    for n in range(10):  # hardly anything waits now
        parallel.done(work_s=1.0, now_s=20.0 + n * LONGEST_HALF_S / 5, backlog=False)
    assert parallel.level == 1


def test_one_or_all_of_them() -> None:
    parallel = Parallelism(at_most=4, step=3)
    levels = run(parallel, speed={1: 1.0, 4: 1.5}, batches=500)
    assert set(levels) == {1, 4}
    assert levels.count(1) < 50


def test_what_fails_is_not_tried_for_a_while_and_what_is_forgotten_is_tried_at_once() -> None:
    parallel = Parallelism(at_most=2)
    speed = {1: 1.0, 2: 1.5}
    run(parallel, speed=speed, batches=100)
    parallel.give_up(now_s=100.0)
    assert parallel.level == 1
    assert set(run(parallel, speed=speed, batches=50)) == {1}
    parallel.forget()
    assert run(parallel, speed=speed, batches=50)[-1] == 2
