"""Engines that share the memory of a process: what one has begun to use is not free for another."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.scheduling.memory_ledger import FORGOTTEN_S, Account, MemoryLedger


class House:
    """A ledger, the memory of its machine, and its clock."""

    def __init__(self, free_bytes: float = 100.0) -> None:
        self.free_bytes = free_bytes
        self.now_s = 0.0
        self.ledger = MemoryLedger(lambda: self.free_bytes, stale_s=0.0, clock=lambda: self.now_s)

    def open(self) -> Account:
        return self.ledger.open(threading.Condition())

    def ask(self, account: Account, num_bytes: int, *, slot: int = 0) -> str:
        """As the desk does: what does not fit waits until nothing runs."""
        with self.ledger.look(account, slot) as look:
            if num_bytes <= look.free_bytes or look.is_idle:
                look.claim_bytes = float(num_bytes)
                return "fits" if num_bytes <= look.free_bytes else "tried"
            look.is_short = True
            return "waits"


@pytest.fixture
def house() -> House:
    return House()


def test_what_was_claimed_is_not_free_though_the_system_says_so(house: House) -> None:
    one, other = house.open(), house.open()
    assert house.ask(one, 60) == "fits"
    assert house.ask(other, 41) == "waits"
    house.ledger.release(one, 0)
    assert house.ask(other, 41) == "fits"


def test_a_claim_is_not_subtracted_twice_when_its_memory_is_taken(house: House) -> None:
    one, other = house.open(), house.open()
    house.ask(one, 60)
    house.free_bytes = 40.0  # by now it has taken all of it
    assert house.ask(other, 40) == "fits"
    assert house.ledger.idle_bytes == 100


def test_threads_of_one_engine_share_too(house: House) -> None:
    one = house.open()
    assert [house.ask(one, 60, slot=slot) for slot in (0, 1)] == ["fits", "waits"]
    house.ledger.release(one, 0)
    assert house.ask(one, 60, slot=1) == "fits"


def test_memory_that_others_on_the_machine_take_or_give_back_is_seen(house: House) -> None:
    one, other = house.open(), house.open()
    house.ask(one, 10)
    house.free_bytes = 30.0
    assert house.ask(other, 31) == "waits"
    assert house.ledger.idle_bytes == 40  # at best, the 10 are taken already
    house.free_bytes = 500.0
    assert house.ask(other, 450) == "fits"


def test_what_seems_not_to_fit_is_tried_when_nothing_runs(house: House) -> None:
    one = house.open()
    assert house.ask(one, 1000) == "tried"


def test_a_large_one_is_not_kept_waiting_by_small_ones_of_another_model(house: House) -> None:
    small, large = house.open(), house.open()
    assert [house.ask(small, 10, slot=slot) for slot in (0, 1)] == ["fits", "fits"]
    assert house.ask(large, 90) == "waits"
    house.ledger.release(small, 0)
    assert house.ask(small, 10) == "waits"
    assert house.ask(large, 90) == "fits"
    assert house.ask(small, 11) == "waits"
    house.ledger.release(large, 0)
    house.ledger.release(small, 1)
    assert house.ask(small, 11) == "fits"


def test_who_waited_first_is_first_and_who_gave_up_holds_up_nobody(house: House) -> None:
    busy, first, second = house.open(), house.open(), house.open()
    house.ask(busy, 90)
    assert house.ask(first, 50) == "waits"
    house.now_s += 1
    assert house.ask(second, 50) == "waits"
    house.ledger.release(busy, 0)
    assert house.ask(second, 50) == "waits"
    with house.ledger.look(first, 0):  # whose request was cancelled: nothing is there to run
        pass
    assert house.ask(second, 50) == "fits"


def test_an_engine_that_asks_no_more_is_forgotten(house: House) -> None:
    busy, dead, other = house.open(), house.open(), house.open()
    house.ask(busy, 90)
    assert house.ask(dead, 50) == "waits"
    house.ledger.release(busy, 0)
    assert house.ask(other, 50) == "waits"
    house.now_s += FORGOTTEN_S
    assert house.ask(other, 50) == "fits"


def test_what_an_engine_had_claimed_is_free_when_it_has_ended(house: House) -> None:
    one, other = house.open(), house.open()
    house.ask(one, 60)
    house.ledger.close(one)
    assert house.ask(other, 100) == "fits"


def test_others_are_told_when_memory_is_given_back(house: House) -> None:
    changed = threading.Condition()
    one, _ = house.open(), house.ledger.open(changed)
    house.ask(one, 60)
    with changed:
        told = threading.Thread(target=house.ledger.release, args=(one, 0))
        told.start()
        assert changed.wait(10)
    told.join()


@given(
    steps=st.lists(
        st.tuples(
            st.integers(0, 2), st.integers(0, 1), st.integers(1, 80), st.floats(0, 1), st.booleans()
        ),
        max_size=60,
    )
)
def test_whatever_is_asked_for_all_that_runs_fits_together(
    steps: list[tuple[int, int, int, float, bool]],
) -> None:
    house = House()
    accounts = [house.open() for _ in range(3)]
    for who, slot, num_bytes, share_taken, ends in steps:
        account = accounts[who]
        if ends or slot in account.claims:
            house.ledger.release(account, slot)
        else:
            house.ask(account, num_bytes, slot=slot)
        claimed = sum(sum(one.claims.values()) for one in accounts)
        assert claimed <= 100 + 1e-9
        house.free_bytes = 100.0 - share_taken * claimed
        assert house.ledger.idle_bytes == pytest.approx(100)
        house.now_s += 0.5
