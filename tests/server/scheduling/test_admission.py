"""How much is let in."""

import pytest

from server.errors import QueueFull
from server.scheduling.admission import Admission


def test_places_are_given_back() -> None:
    admission = Admission(max_requests=1, max_bytes=100, max_pixels=10)
    with (
        admission.request(0, retry_after_s=1),
        pytest.raises(QueueFull, match="1 requests are in the house, expected fewer than 1"),
        admission.request(0, retry_after_s=7),
    ):
        raise AssertionError("a second one got in")
    with admission.request(0, retry_after_s=1):
        assert admission.num_requests == 1
    assert admission.num_requests == 0


def test_one_large_image_gets_in_alone_but_not_beside_others() -> None:
    admission = Admission(max_requests=9, max_bytes=100, max_pixels=10)
    with admission.pixels(25, retry_after_s=1), pytest.raises(QueueFull) as refused:  # noqa: SIM117
        with admission.pixels(1, retry_after_s=7):
            raise AssertionError("it does not fit")
    assert refused.value.headers == {"Retry-After": "7"}
    with admission.pixels(4, retry_after_s=1), admission.pixels(6, retry_after_s=1):
        assert admission.num_pixels == 10
    assert admission.num_pixels == 0


def test_bodies_are_bounded_together_but_a_large_one_gets_in_alone() -> None:
    admission = Admission(max_requests=9, max_bytes=100, max_pixels=10)
    with admission.request(500, retry_after_s=1):
        with (
            pytest.raises(QueueFull, match="send Content-Length"),
            admission.request(1, retry_after_s=7),
        ):
            raise AssertionError("it does not fit")
        assert admission.num_requests == 1
    assert admission.num_bytes == 0


def test_pixels_count_while_a_thread_works_on_them() -> None:
    admission = Admission(max_requests=9, max_bytes=100, max_pixels=10)
    with admission.pixels(4, retry_after_s=1) as hold:
        hold.keep()
    assert admission.num_pixels == 4  # the request is gone, the thread is not
    hold.let_go()
    assert admission.num_pixels == 0
