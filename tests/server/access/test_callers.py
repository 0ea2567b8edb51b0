"""Who asks, and how much they may."""

import hmac

import pytest

from server.access.api_keys import read_api_keys
from server.access.callers import EVERYBODY, Callers, RateLimits
from server.errors import RateLimited

SECRET, OTHER = "s" * 20, "t" * 20
LIMITS = RateLimits(requests_per_s=1.0, mpx_per_s=2.0, burst_s=3.0)


def test_a_key_names_its_caller_and_a_wrong_one_nobody() -> None:
    callers = Callers(read_api_keys(text=f"a:{SECRET},b:{OTHER}"), LIMITS)
    assert callers.need_a_key
    names = [None if c is None else c.name for c in map(callers.identify, (SECRET, OTHER))]
    assert names == ["a", "b"]
    for wrong in (None, "", SECRET[:-1], SECRET + " ", SECRET.upper(), "ü" * 20):
        assert callers.identify(wrong) is None


def test_without_keys_everybody_is_one_caller() -> None:
    callers = Callers((), LIMITS)
    caller = callers.identify(None)
    assert caller is not None
    assert caller is callers.identify("whatever")
    assert caller.name == EVERYBODY


def test_each_key_has_its_own_bucket_and_perhaps_its_own_rate() -> None:
    callers = Callers(read_api_keys(text=f"a:{SECRET},b:{OTHER} requests_per_s=0"), LIMITS)
    first, second = callers.identify(SECRET), callers.identify(OTHER)
    assert first is not None
    assert second is not None
    for _ in range(3):
        first.take_request(now_s=0.0)
    with pytest.raises(RateLimited, match="than 1 requests per second, which is what the key 'a'"):
        first.take_request(now_s=0.0)
    for _ in range(100):
        second.take_request(now_s=0.0)


def test_pixels_are_counted_and_the_refusal_says_when_to_come_again() -> None:
    caller = Callers((), LIMITS).identify(None)
    assert caller is not None
    caller.take_pixels(5_000_000, now_s=0.0)  # of 6 that the burst holds
    with pytest.raises(RateLimited) as refused:
        caller.take_pixels(4_000_000, now_s=0.0)
    assert refused.value.retry_after_s == 2  # 3 Mpx are missing, 1.5 s, rounded up
    caller.take_pixels(4_000_000, now_s=1.5)


def test_a_secret_is_compared_with_every_key_and_in_constant_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(shown: bytes, known: bytes) -> bool:
        compared.append((shown, known))
        return shown == known

    monkeypatch.setattr(hmac, "compare_digest", compare)
    callers_ = Callers(read_api_keys(text=f"a:{SECRET},b:{OTHER}"), LIMITS)
    for shown in (SECRET, OTHER, SECRET[:-1], "", "x" * 4096):
        compared.clear()
        callers_.identify(shown)
        assert len(compared) == 2, "the first key that fits must not end the search"
        assert {len(one) for pair in compared for one in pair} == {32}, "no length is given away"
