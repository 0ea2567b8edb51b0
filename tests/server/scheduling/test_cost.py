"""What calls cost, learned from calls."""

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.scheduling.cost import CostFit, CostModel, GraphCost, Shape, non_negative_solution
from tests.server.scheduling.simulation import CPU, DEVICE, cost_model

TRUE = GraphCost(s_per_mpx=0.58, s_per_image=0.03, s_per_call=0.01)


def teach(
    fit: CostFit,
    true: GraphCost,
    num_calls: int,
    *,
    noise: float = 0.0,
    stolen: float = 0.0,
    sizes: tuple[int, ...] = (4_000, 60_000, 300_000, 2_000_000),
) -> None:
    """Calls that take `true`, times noise, and some of them ten times as long."""
    chance = random.Random(0)
    for _ in range(num_calls):
        num_images = chance.randint(1, 4)
        num_pixels = chance.choice(sizes) * num_images
        seconds = true.seconds(num_pixels=num_pixels, num_images=num_images)
        seconds *= math.exp(chance.gauss(0.0, noise))
        seconds *= 10.0 if chance.random() < stolen else 1.0
        fit.observe(num_pixels=num_pixels, num_images=num_images, measured_s=seconds)


def relative_error(fit: CostFit, true: GraphCost, *, num_pixels: int, num_images: int = 1) -> float:
    expected_s = true.seconds(num_pixels=num_pixels, num_images=num_images)
    found_s = fit.cost.seconds(num_pixels=num_pixels, num_images=num_images)
    return abs(found_s / expected_s - 1)


def test_the_three_terms_add_up() -> None:
    assert TRUE.seconds(num_pixels=2_000_000, num_images=3) == pytest.approx(1.16 + 0.09 + 0.01)


def test_exact_calls_teach_the_exact_cost() -> None:
    fit = CostFit()
    teach(fit, TRUE, 60)
    assert fit.cost.s_per_mpx == pytest.approx(TRUE.s_per_mpx, rel=0.02)
    assert fit.cost.s_per_image == pytest.approx(TRUE.s_per_image, rel=0.05)
    assert fit.cost.s_per_call == pytest.approx(TRUE.s_per_call, rel=0.1)
    assert fit.error < 0.01


def test_a_prior_that_is_a_hundred_times_off_in_either_direction_is_forgotten() -> None:
    for factor in (0.01, 100.0):
        prior = GraphCost(s_per_mpx=0.58 * factor, s_per_image=0.03 * factor, s_per_call=0.01)
        fit = CostFit(prior)
        teach(fit, TRUE, 40)
        for num_pixels in (4_000, 2_000_000):
            assert relative_error(fit, TRUE, num_pixels=num_pixels) < 0.1


def test_noise_and_stolen_time_hardly_move_it() -> None:
    fit = CostFit()
    teach(fit, TRUE, 300, noise=0.1, stolen=0.1)
    for num_pixels in (4_000, 300_000, 2_000_000):
        assert relative_error(fit, TRUE, num_pixels=num_pixels) < 0.2


def test_what_a_call_costs_is_doubted_as_far_as_calls_differ() -> None:
    exact, noisy, costly = CostFit(), CostFit(), CostFit()
    assert exact.doubt_s == exact.cost.s_per_call  # nothing is sure before it was measured
    teach(exact, TRUE, 60)
    teach(noisy, GraphCost(s_per_mpx=0.58, s_per_image=0.03, s_per_call=0.001), 60, noise=0.3)
    teach(costly, GraphCost(s_per_mpx=0.01, s_per_image=0.001, s_per_call=0.02), 60, noise=0.3)
    assert exact.doubt_s < 0.5 * exact.cost.s_per_call
    assert noisy.doubt_s > 0.9 * noisy.cost.s_per_call
    assert costly.doubt_s < 0.5 * costly.cost.s_per_call


def test_three_calls_prove_nothing() -> None:
    fit = CostFit()
    teach(fit, TRUE, 3)
    assert fit.doubt_s == fit.cost.s_per_call


def test_a_machine_that_becomes_three_times_slower_is_followed() -> None:
    fit = CostFit()
    teach(fit, TRUE, 200, noise=0.05)
    slow = GraphCost(s_per_mpx=3 * 0.58, s_per_image=0.09, s_per_call=0.03)
    teach(fit, slow, 100, noise=0.05)
    for num_pixels in (60_000, 2_000_000):
        assert relative_error(fit, slow, num_pixels=num_pixels) < 0.15


def test_calls_of_one_size_do_not_wipe_out_what_the_warm_up_taught() -> None:
    fit = CostFit()
    teach(fit, TRUE, 60)
    fit.settle()
    for _ in range(1000):
        seconds = TRUE.seconds(num_pixels=2_000_000, num_images=1)
        fit.observe(num_pixels=2_000_000, num_images=1, measured_s=seconds)
    assert relative_error(fit, TRUE, num_pixels=2_000_000) < 0.01
    assert relative_error(fit, TRUE, num_pixels=60_000, num_images=4) < 0.2


@settings(max_examples=50)
@given(seed=st.integers(0, 10**6), size=st.integers(1, 3))
def test_no_better_solution_without_negative_terms_is_near(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(6, size))
    moments, target = rows.T @ rows, rng.normal(size=size)
    found = non_negative_solution(moments, target)

    def loss(x: np.ndarray) -> float:
        return float(x @ moments @ x - 2 * target @ x)

    assert (found >= 0).all()
    for _ in range(20):
        other = np.maximum(found + rng.normal(scale=0.1, size=size), 0.0)
        assert loss(found) <= loss(other) + 1e-9


def test_a_batch_pays_its_padding_and_saves_calls() -> None:
    model = cost_model(GraphCost(s_per_mpx=1.0, s_per_image=0.0, s_per_call=0.5), stride=10)
    # 11x5 and 3x20 in 20x20 each: 800 px.
    batch = [Shape(size=(11, 5)), Shape(size=(3, 20))]
    assert model.batch_s(batch) == pytest.approx(0.5 + 800e-6)
    assert model.alone_s(batch[0]) == pytest.approx(0.5 + 200e-6)


def test_flow_is_paid_by_those_who_want_it() -> None:
    model = cost_model(
        GraphCost(s_per_mpx=0.0, s_per_image=1.0, s_per_call=0.0),
        GraphCost(s_per_mpx=0.0, s_per_image=10.0, s_per_call=0.0),
    )
    pair = Shape(size=(8, 8), num_frames=2, has_flow=True)
    stream = Shape(size=(8, 8), num_frames=1, has_flow=True)
    image = Shape(size=(9, 9))
    assert [model.alone_s(one) for one in (pair, stream, image)] == [12.0, 11.0, 1.0]
    assert model.batch_s([pair, stream, image]) == 24.0


def test_frames_of_a_pair_share_a_call_where_it_saves_a_tenth() -> None:
    small, large = (Shape(size=(n, n), num_frames=2, has_flow=True) for n in (256, 1024))
    assert not CostModel().frames_together(small)  # nothing is sure before it was measured
    assert not cost_model(CPU).frames_together(small)
    assert cost_model(DEVICE).frames_together(large)


def test_a_frozen_copy_learns_nothing() -> None:
    model = CostModel(stride=4)
    copy = model.frozen()
    teach(model.graphs["frame"], TRUE, 10)
    assert (model.is_known, copy.is_known) == (True, False)
    assert copy.alone_s(Shape(size=(4, 4))) != model.alone_s(Shape(size=(4, 4)))


@given(
    shapes=st.lists(
        st.builds(
            lambda height, width, num_frames: Shape(
                size=(height, width), num_frames=num_frames, has_flow=num_frames == 2
            ),
            st.integers(1, 500),
            st.integers(1, 500),
            st.integers(1, 2),
        ),
        min_size=2,
        max_size=6,
    ),
    stride=st.sampled_from([1, 16]),
)
def test_no_batch_saves_more_than_its_calls(shapes: list[Shape], stride: int) -> None:
    for cost in (CPU, DEVICE):
        model = cost_model(cost, stride=stride)
        saved_s = sum(map(model.alone_s, shapes)) - model.batch_s(shapes)
        assert saved_s <= model.most_saved_s(shapes) + 1e-9
