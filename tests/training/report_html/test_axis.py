import pytest

from training.report_html.axis import make_axis, number


def test_ticks_are_round_and_hold_the_values() -> None:
    assert make_axis(0.0, 93.0).ticks == (0.0, 20.0, 40.0, 60.0, 80.0, 100.0)
    assert make_axis(-0.13, 0.42).ticks == (-0.2, 0.0, 0.2, 0.4, 0.6)
    assert make_axis(1000.0, 1004.0).ticks == (1000.0, 1001.0, 1002.0, 1003.0, 1004.0)


def test_a_constant_has_room_around_it() -> None:
    for value in (0.0, 5.0, -3.0, 6e-4):
        axis = make_axis(value, value)
        assert axis.low < value < axis.high
        assert 0.2 < axis.share(value) < 0.8


def test_what_averaging_made_of_a_constant_is_one_too() -> None:
    axis = make_axis(0.123456, 0.123456 + 2e-17 + 3e-17)
    assert axis.low < 0.12 < 0.13 < axis.high
    axis = make_axis(0.1, 0.1 + 2e-16)
    assert axis.low < 0.099 < 0.101 < axis.high


def test_small_numbers_have_an_axis() -> None:
    assert make_axis(0.0, 4e-14).ticks == pytest.approx((0.0, 1e-14, 2e-14, 3e-14, 4e-14), abs=0)
    assert make_axis(0.0, 4e13).ticks == (0.0, 1e13, 2e13, 3e13, 4e13)


def test_a_value_lies_at_its_share_of_the_axis() -> None:
    axis = make_axis(0.0, 100.0)
    assert [axis.share(x) for x in (0.0, 25.0, 100.0)] == [0.0, 0.25, 1.0]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.2 + 0.1, "0.3"),
        (1.0, "1"),
        (99.96, "100"),
        (-0.0123, "-0.0123"),
        (2_500_000.0, "2.5M"),
        (4e-7, "4e-07"),
        (float("nan"), "-"),
        (float("inf"), "∞"),
    ],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert number(value) == text
