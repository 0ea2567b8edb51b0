"""New shapes are slow in some engines: borrow a warm one, or warm one for many."""

import pytest

from server.scheduling.known_shapes import REMEMBERED, KnownShapes

LARGE = 10**9


def slow_to_compile(*, stride: int = 16) -> KnownShapes:
    shapes = KnownShapes(stride=stride)
    for side in range(40):
        shapes.ran(("none", 1, (side, 0)), 3.0)
        shapes.ran(("none", 1, (side, 0)), 1.0)
    shapes.cold.share = 0.0
    return shapes


def test_the_second_call_of_a_shape_tells_how_much_longer_the_first_took() -> None:
    shapes = KnownShapes()
    for side in range(30):
        shapes.ran(("frame", 1, (side, 1)), 8.0)
        shapes.ran(("frame", 1, (side, 1)), 2.0)
        shapes.ran(("frame", 1, (side, 1)), 0.001)  # no news
    assert shapes.cold_factor == pytest.approx(4.0, rel=0.01)
    assert shapes.hurts
    for side in range(30):
        shapes.ran(("flow", 1, (side, 1)), 1.0)
        shapes.ran(("flow", 1, (side, 1)), 2.0)
    assert shapes.cold_factor == 1.0  # never faster than a warm one


def test_only_the_first_call_of_a_shape_is_cold() -> None:
    shapes = KnownShapes()
    key = ("frame", 2, (16, 32))
    assert [shapes.ran(one, 1.0) for one in (key, key, ("flow", 2, (16, 32)))] == [
        True,
        False,
        True,
    ]


def test_the_slowdown_is_what_cold_calls_cost_on_average() -> None:
    shapes = slow_to_compile()
    for side in range(1, 100):
        shapes.ran(("frame", 1, (side, side)), 1.0)
    assert shapes.slowdown == pytest.approx(3.0, abs=0.05)
    for _ in range(100):
        shapes.ran(("frame", 1, (1, 1)), 1.0)
    assert shapes.slowdown == pytest.approx(1.0, abs=0.05)


def test_where_new_shapes_are_fast_every_image_runs_at_its_own_size() -> None:
    assert KnownShapes(stride=16).shape_for("frame", 1, (33, 50), max_pixels=LARGE) == (33, 50)


def test_a_new_size_borrows_the_smallest_warm_shape_that_is_little_larger() -> None:
    shapes = slow_to_compile()
    for shape in ((128, 128), (112, 112), (256, 256)):
        shapes.ran(("frame", 1, shape), 1.0)
    assert shapes.shape_for("frame", 1, (110, 105), max_pixels=LARGE) == (112, 112)
    assert shapes.shape_for("frame", 1, (120, 120), max_pixels=LARGE) == (128, 128)
    # 200x200 in 256x256 is 1.64 times as much: it gets a rounded shape of its own.
    assert shapes.shape_for("frame", 1, (200, 200), max_pixels=LARGE) == (208, 208)
    # Nor does it borrow from another graph or from another number of images.
    shapes.ran(("frame", 1, (125, 125)), 1.0)
    assert shapes.shape_for("frame", 1, (124, 124), max_pixels=LARGE) == (125, 125)
    assert shapes.shape_for("flow", 1, (124, 124), max_pixels=LARGE) == (128, 128)
    assert shapes.shape_for("frame", 2, (124, 124), max_pixels=LARGE) == (128, 128)


def test_sides_are_rounded_to_an_eighth_of_a_doubling_and_to_the_stride() -> None:
    shapes = slow_to_compile()
    found = [
        shapes.shape_for("frame", 1, (side, side), max_pixels=LARGE)[0]
        for side in (1, 17, 130, 500, 1080)
    ]
    # 16 is more than 1.25 times 1, and 32 more than 17: in area far more.
    assert found == [1, 17, 144, 512, 1152]


def test_a_size_that_keeps_coming_gets_its_own_shape() -> None:
    shapes = slow_to_compile()
    asked = [shapes.shape_for("frame", 1, (1080, 1920), max_pixels=LARGE) for _ in range(3)]
    assert asked == [(1152, 1920), (1152, 1920), (1080, 1920)]
    shapes.ran(("frame", 1, (1080, 1920)), 1.0)
    assert shapes.shape_for("frame", 1, (1080, 1920), max_pixels=LARGE) == (1080, 1920)


def test_padding_never_breaks_the_pixel_budget() -> None:
    shapes = slow_to_compile()
    assert shapes.shape_for("frame", 2, (130, 130), max_pixels=2 * 144 * 144 - 1) == (130, 130)
    assert shapes.shape_for("frame", 2, (131, 131), max_pixels=2 * 144 * 144) == (144, 144)


def test_it_remembers_a_bounded_number_and_forgets_the_oldest() -> None:
    shapes = KnownShapes()
    for side in range(REMEMBERED + 1):
        shapes.ran(("frame", 1, (side, 1)), 1.0)
    assert not shapes.ran(("frame", 1, (REMEMBERED, 1)), 1.0)
    assert shapes.ran(("frame", 1, (0, 1)), 1.0)


def test_another_engine_of_the_kind_is_as_slow_at_first_and_has_met_nothing() -> None:
    shapes = KnownShapes(stride=16)
    for side in range(1, 40):
        shapes.ran(("frame", 1, (side, side)), 3.0)
        shapes.ran(("frame", 1, (side, side)), 1.0)
    other = shapes.anew()
    assert (other.stride, other.cold_factor) == (16, shapes.cold_factor)
    assert other.latest(3) == []
    assert shapes.latest(2) == [("frame", 1, (39, 39)), ("frame", 1, (38, 38))]
    other.met(("frame", 1, (39, 39)))
    assert not other.ran(("frame", 1, (39, 39)), 1.0)
    assert other.cold_factor == shapes.cold_factor  # that one taught nothing
