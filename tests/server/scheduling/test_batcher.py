"""Who is next."""

from server.scheduling.batcher import Batcher, Waiting


def waiting(id_: int, *, deadline_s: float = 100.0, num_pixels: int = 10) -> Waiting:
    return Waiting(id=id_, num_pixels=num_pixels, arrived_s=float(id_), deadline_s=deadline_s)


def test_first_come_first_served_one_at_a_time() -> None:
    batcher = Batcher()
    for id_ in (1, 2):
        batcher.add(waiting(id_))
    taken = [batcher.next_batch(now_s=3.0).run for _ in range(3)]
    assert [[one.id for one in run] for run in taken] == [[1], [2], []]


def test_expired_requests_are_handed_back_and_do_not_run() -> None:
    batcher = Batcher()
    batcher.add(waiting(1, deadline_s=5.0))
    batcher.add(waiting(2))
    batcher.add(waiting(3, deadline_s=5.0))
    decision = batcher.next_batch(now_s=5.0)
    assert [one.id for one in decision.expired] == [1]
    assert [one.id for one in decision.run] == [2]
    decision = batcher.next_batch(now_s=5.0)
    assert [one.id for one in decision.expired] == [3]
    assert decision.run == ()


def test_one_who_leaves_is_not_counted_and_not_run() -> None:
    batcher = Batcher()
    batcher.add(waiting(1, num_pixels=3))
    batcher.add(waiting(2, num_pixels=4))
    assert (len(batcher), batcher.num_pixels) == (2, 7)
    assert batcher.drop(1)
    assert not batcher.drop(1)
    assert (len(batcher), batcher.num_pixels) == (1, 4)
    assert [one.id for one in batcher.next_batch(now_s=0.0).run] == [2]
