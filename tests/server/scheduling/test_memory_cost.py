"""Memory per pixel, between what calls needed at least and at most."""

import pytest

from server.scheduling.memory_cost import MemoryCost
from server.scheduling.peak_meter import Growth

MPX = 1_000_000


def grown(before_bytes: int, peak_bytes: int) -> Growth:
    return Growth(before_bytes=before_bytes, peak_bytes=peak_bytes, after_bytes=peak_bytes)


def memory() -> MemoryCost:
    return MemoryCost(graphs=["frame"], expected_bytes_per_px=1000, idle_bytes=500 * MPX)


def test_growth_beyond_the_expectation_raises_it() -> None:
    found = memory()
    for _ in range(30):
        found.observe("frame", num_pixels=MPX, growth=grown(600 * MPX, 2600 * MPX))
    assert found.bytes_per_px == pytest.approx(2000, rel=0.01)


def test_a_peak_below_the_expectation_lowers_it() -> None:
    found = memory()
    for _ in range(30):
        # It ran in memory that an earlier call had left behind: growth alone says nothing.
        found.observe("frame", num_pixels=MPX, growth=grown(1000 * MPX, 1100 * MPX))
    assert found.bytes_per_px == pytest.approx(600, rel=0.01)


def test_between_its_bounds_it_stays() -> None:
    found = memory()
    found.observe("frame", num_pixels=MPX, growth=grown(1000 * MPX, 1600 * MPX))
    assert found.bytes_per_px == 1000


def test_small_calls_say_nothing_and_no_measurement_leads_far_astray() -> None:
    found = memory()
    found.observe("frame", num_pixels=100, growth=grown(0, 10**12))
    assert found.bytes_per_px == 1000
    for _ in range(100):
        found.observe("frame", num_pixels=MPX, growth=grown(0, 10**12))
    assert found.bytes_per_px == 4000
    for _ in range(100):
        found.observe("frame", num_pixels=100 * MPX, growth=grown(500 * MPX, 500 * MPX))
    assert found.bytes_per_px == 250


def test_a_fifth_of_the_free_memory_stays_free() -> None:
    assert memory().pixels_in(10_000.0) == 8
    assert memory().pixels_in(-5.0) == 0
    assert memory().pixels_in(float("inf")) > 10**12


def test_the_hungriest_graph_decides_and_images_say_nothing_about_pairs() -> None:
    found = MemoryCost(graphs=["frame", "flow"], expected_bytes_per_px=1000, idle_bytes=0)
    for _ in range(30):
        found.observe("frame", num_pixels=MPX, growth=grown(0, 600 * MPX))
    assert found.bytes_per_px == 1000
    for _ in range(30):
        found.observe("flow", num_pixels=MPX, growth=grown(0, 700 * MPX))
    assert found.bytes_per_px == pytest.approx(700, rel=0.01)


def test_a_model_that_left_after_this_one_was_loaded_does_not_look_like_thrift() -> None:
    # 5 GB were there when it was loaded, of a model that it took the place of.
    found = MemoryCost(graphs=["frame"], expected_bytes_per_px=1000, idle_bytes=5000 * MPX)
    for _ in range(30):
        found.observe("frame", num_pixels=MPX, growth=grown(500 * MPX, 1500 * MPX))
    assert found.bytes_per_px == 1000


def test_what_an_engine_keeps_of_its_largest_call_fits_again() -> None:
    keeper = MemoryCost(
        graphs=["frame", "flow"], expected_bytes_per_px=1000, idle_bytes=0, keeps=True
    )
    assert keeper.kept_bytes == 0
    assert keeper.growth_of(MPX) == 1000 * MPX

    def run(graph: str, num_mpx: int, *, before: int, after: int) -> None:
        growth = Growth(
            before_bytes=before * MPX, peak_bytes=(before + 1000) * MPX, after_bytes=after * MPX
        )
        keeper.observe(graph, num_pixels=num_mpx * MPX, growth=growth, answer_bytes=50 * MPX)

    run("frame", 2, before=500, after=1050)  # of which 50 are the answer
    assert keeper.kept_bytes == 500 * MPX
    run("frame", 1, before=1000, after=1300)  # somebody else's: it had room for that
    run("frame", 2, before=1000, after=1300)
    assert keeper.kept_bytes == 500 * MPX
    run("flow", 2, before=1000, after=2050)  # the other graph has memory of its own
    run("frame", 3, before=2000, after=2250)
    assert keeper.kept_bytes == (500 + 1000 + 200) * MPX
    assert keeper.growth_of(MPX) == 0
    assert keeper.growth_of(2 * MPX) == 300 * MPX
    assert keeper.pixels_in(300.0 * MPX) == 0.8 * 2 * MPX


def test_what_fits_fits_again_when_the_engine_keeps_its_memory() -> None:
    free = 10_000.0 * MPX
    keeper = MemoryCost(graphs=["frame"], expected_bytes_per_px=1000, idle_bytes=MPX, keeps=True)
    before = keeper.pixels_in(free)
    took = 900 * before  # a little less than was thought
    growth = Growth(before_bytes=MPX, peak_bytes=MPX + took, after_bytes=MPX + took)
    keeper.observe("frame", num_pixels=before, growth=growth)
    assert keeper.pixels_in(free - took) >= before


def test_what_is_kept_is_no_more_than_its_pixels_need_whoever_else_grew_meanwhile() -> None:
    keeper = MemoryCost(graphs=["frame"], expected_bytes_per_px=1000, idle_bytes=0, keeps=True)
    beside = Growth(before_bytes=0, after_bytes=9000 * MPX, peak_bytes=None)
    keeper.observe("frame", num_pixels=2 * MPX, growth=beside)
    assert keeper.kept_bytes == 2000 * MPX
    assert keeper.bytes_per_px == 1000  # whose peak it was, nobody knows
    keeper.observe("frame", num_pixels=3 * MPX, growth=beside)
    assert keeper.kept_bytes == 3000 * MPX


def test_an_engine_that_gives_its_memory_back_keeps_none() -> None:
    found = memory()
    found.observe("frame", num_pixels=MPX, growth=grown(600 * MPX, 1600 * MPX))
    assert found.kept_bytes == 0
