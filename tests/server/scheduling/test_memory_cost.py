"""Memory per pixel, between what calls needed at least and at most."""

import pytest

from server.scheduling.memory_cost import MemoryCost

MPX = 1_000_000


def memory() -> MemoryCost:
    return MemoryCost(graphs=["frame"], expected_bytes_per_px=1000, idle_bytes=500 * MPX)


def test_growth_beyond_the_expectation_raises_it() -> None:
    found = memory()
    for _ in range(30):
        found.observe("frame", num_pixels=MPX, before_bytes=600 * MPX, peak_bytes=2600 * MPX)
    assert found.bytes_per_px == pytest.approx(2000, rel=0.01)


def test_a_peak_below_the_expectation_lowers_it() -> None:
    found = memory()
    for _ in range(30):
        # It ran in memory that an earlier call had left behind: growth alone says nothing.
        found.observe("frame", num_pixels=MPX, before_bytes=1000 * MPX, peak_bytes=1100 * MPX)
    assert found.bytes_per_px == pytest.approx(600, rel=0.01)


def test_between_its_bounds_it_stays() -> None:
    found = memory()
    found.observe("frame", num_pixels=MPX, before_bytes=1000 * MPX, peak_bytes=1600 * MPX)
    assert found.bytes_per_px == 1000


def test_small_calls_say_nothing_and_no_measurement_leads_far_astray() -> None:
    found = memory()
    found.observe("frame", num_pixels=100, before_bytes=0, peak_bytes=10**12)
    assert found.bytes_per_px == 1000
    for _ in range(100):
        found.observe("frame", num_pixels=MPX, before_bytes=0, peak_bytes=10**12)
    assert found.bytes_per_px == 4000
    for _ in range(100):
        found.observe("frame", num_pixels=100 * MPX, before_bytes=500 * MPX, peak_bytes=500 * MPX)
    assert found.bytes_per_px == 250


def test_a_fifth_of_the_free_memory_stays_free() -> None:
    assert memory().pixels_in(10_000.0) == 8
    assert memory().pixels_in(-5.0) == 0
    assert memory().pixels_in(float("inf")) > 10**12


def test_the_hungriest_graph_decides_and_images_say_nothing_about_pairs() -> None:
    found = MemoryCost(graphs=["frame", "flow"], expected_bytes_per_px=1000, idle_bytes=0)
    for _ in range(30):
        found.observe("frame", num_pixels=MPX, before_bytes=0, peak_bytes=600 * MPX)
    assert found.bytes_per_px == 1000
    for _ in range(30):
        found.observe("flow", num_pixels=MPX, before_bytes=0, peak_bytes=700 * MPX)
    assert found.bytes_per_px == pytest.approx(700, rel=0.01)


def test_a_model_that_left_after_this_one_was_loaded_does_not_look_like_thrift() -> None:
    # 5 GB were there when it was loaded, of a model that it took the place of.
    found = MemoryCost(graphs=["frame"], expected_bytes_per_px=1000, idle_bytes=5000 * MPX)
    for _ in range(30):
        found.observe("frame", num_pixels=MPX, before_bytes=500 * MPX, peak_bytes=1500 * MPX)
    assert found.bytes_per_px == 1000


def test_what_an_engine_keeps_of_its_largest_call_fits_again() -> None:
    keeper = MemoryCost(graphs=["frame"], expected_bytes_per_px=1000, idle_bytes=MPX, keeps=True)
    assert keeper.kept_bytes(9000 * MPX) == 0  # it has not run yet
    keeper.ran(num_pixels=2 * MPX)
    keeper.ran(num_pixels=MPX)
    assert keeper.kept_bytes(9000 * MPX) == 2000 * MPX  # the rest is not the engine's
    assert keeper.kept_bytes(301 * MPX) == 300 * MPX
    assert keeper.kept_bytes(0) == 0
    kept = keeper.kept_bytes(9000 * MPX)
    assert keeper.pixels_in(0.0, kept_bytes=kept) == 2 * MPX
    assert keeper.pixels_in(1e9, kept_bytes=kept) == 2.8 * MPX
    assert memory().kept_bytes(9000 * MPX) == 0
