"""A rate limit that allows bursts, by a clock that only we move."""

from hypothesis import given
from hypothesis import strategies as st

from server.access.token_bucket import TokenBucket


def test_a_burst_passes_and_then_the_rate_holds() -> None:
    bucket = TokenBucket(rate_per_s=2.0, burst=3.0)
    assert [bucket.take(1.0, now_s=10.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert bucket.take(1.0, now_s=10.5) == 0.0
    assert bucket.take(1.0, now_s=10.75) == 0.25


def test_a_refusal_takes_nothing() -> None:
    bucket = TokenBucket(rate_per_s=1.0, burst=1.0)
    bucket.take(1.0, now_s=0.0)
    for _ in range(5):
        assert bucket.take(1.0, now_s=0.5) == 0.5
    assert bucket.take(1.0, now_s=1.0) == 0.0


def test_more_than_the_bucket_holds_is_had_from_a_full_one_and_owed() -> None:
    bucket = TokenBucket(rate_per_s=1.0, burst=2.0)
    assert bucket.take(10.0, now_s=0.0) == 0.0
    assert bucket.level(now_s=0.0) == -8.0
    assert bucket.take(1.0, now_s=5.0) == 4.0  # 3 are owed still, 1 must be there


def test_no_rate_is_no_limit() -> None:
    bucket = TokenBucket(rate_per_s=0.0, burst=0.0)
    assert [bucket.take(1e9, now_s=0.0) for _ in range(3)] == [0.0, 0.0, 0.0]


@given(
    st.lists(st.tuples(st.floats(0, 3), st.floats(0.01, 5)), max_size=30),
    st.floats(0.1, 10),
    st.floats(0.5, 10),
)
def test_never_more_than_the_burst_and_the_rate(
    steps: list[tuple[float, float]], rate_per_s: float, burst: float
) -> None:
    bucket = TokenBucket(rate_per_s=rate_per_s, burst=burst)
    now_s = taken = most = 0.0
    for wait_s, amount in steps:
        now_s += wait_s
        if bucket.take(amount, now_s=now_s) == 0.0:
            taken += amount
            most = max(most, amount)
    # One that is larger than the bucket may run ahead by what it is larger.
    assert taken <= burst + rate_per_s * now_s + max(0.0, most - burst) + 1e-6
