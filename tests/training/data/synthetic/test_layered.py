"""Layered pairs: the truth agrees with the pictures, and windows with the whole."""

import numpy as np
import pytest
import torch

from training.data.correspondence import leaves_image, warp_back
from training.data.sample import Cut
from training.data.synthetic.homography import apply, near_affine
from training.data.synthetic.layered import render_layers, render_pair
from training.data.synthetic.layers import Layer
from training.data.synthetic.outline import Outline
from training.data.synthetic.texture import make_texture

CANVAS = (96, 128)
CPU = torch.device("cpu")


def whole(seed: int, canvas: tuple[int, int] = CANVAS) -> Cut:
    return render_pair(seed, canvas=canvas, origins=[(0, 0)], window=canvas)


def shifted(x: float, y: float) -> np.ndarray:
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]])


def layer(outline: Outline | None, motion: np.ndarray, seed: int = 0) -> Layer:
    texture = make_texture(np.random.default_rng(seed), (), device=CPU)
    return Layer(outline=outline, texture=texture, motion=motion)


def square(left: float, top: float, side: float) -> Outline:
    corners = [(0, 0), (side, 0), (side, side), (0, side)]
    return Outline(vertices=np.array(corners, float) + (left, top))


@pytest.mark.parametrize("seed", range(6))
def test_frame_two_read_along_the_flow_is_frame_one(seed: int) -> None:
    pair = whole(seed)
    assert pair.next_image is not None
    assert pair.flow is not None
    assert pair.occluded is not None
    back = warp_back(pair.next_image[0], pair.flow[0])
    error = np.abs(back.astype(float) - pair.image[0].astype(float)).mean(-1)
    seen = ~pair.occluded[0]
    assert seen.mean() > 0.2
    # Interpolation blurs what is finer than two pixels, and edges are mixed: the median is not.
    assert np.median(error[seen]) < 4.0
    assert np.mean(error[seen] < 30) > 0.9


def test_a_shift_has_exactly_constant_flow_and_hides_what_leaves() -> None:
    pair = render_layers(
        [layer(None, shifted(5.0, -3.0))], name="s", canvas=CANVAS, origins=[(0, 0)], window=CANVAS
    )
    assert pair.flow is not None
    assert pair.occluded is not None
    assert np.abs(pair.flow - (5, -3)).max() < 1e-4
    assert np.array_equal(pair.occluded[0], leaves_image(pair.flow[0]))
    assert pair.occluded[0, :3].all()
    assert not pair.occluded[0, 3:, :-5].any()


def test_a_nearer_square_hides_what_it_moves_over() -> None:
    layers = [
        layer(None, shifted(0.0, 0.0)),
        layer(square(20.0, 20.0, 30.0), shifted(10.0, 0.0), seed=1),
    ]
    pair = render_layers(layers, name="s", canvas=CANVAS, origins=[(0, 0)], window=CANVAS)
    assert pair.flow is not None
    assert pair.occluded is not None
    assert pair.flow[0, 35, 35].tolist() == pytest.approx([10, 0], abs=1e-4)
    assert pair.flow[0, 35, 55].tolist() == pytest.approx([0, 0], abs=1e-4)
    hidden = np.argwhere(pair.occluded[0])
    assert hidden.min(0).tolist() == [20, 50]
    assert hidden.max(0).tolist() == [49, 59]
    assert len(hidden) == 30 * 10


@pytest.mark.parametrize("seed", range(4))
def test_a_window_alone_equals_the_same_piece_of_the_whole(seed: int) -> None:
    origins = [(16, 32), (48, 80)]
    alone = render_pair(seed, canvas=CANVAS, origins=origins, window=(32, 48))
    full = whole(seed)
    for number, (y, x) in enumerate(origins):
        piece = np.s_[0, y : y + 32, x : x + 48]
        difference = alone.image[number].astype(int) - full.image[piece].astype(int)
        assert np.abs(difference).max() <= 1
        assert alone.flow is not None
        assert full.flow is not None
        np.testing.assert_allclose(alone.flow[number], full.flow[piece], atol=1e-3)
        assert alone.occluded is not None
        assert full.occluded is not None
        assert np.mean(alone.occluded[number] != full.occluded[piece]) < 2e-3


def test_frame_two_windows_may_lie_elsewhere() -> None:
    moved = render_pair(
        3, canvas=CANVAS, origins=[(0, 0)], window=(32, 32), next_origins=[(16, 48)]
    )
    full = whole(3)
    assert moved.next_image is not None
    assert full.next_image is not None
    difference = moved.next_image[0].astype(int) - full.next_image[0, 16:48, 48:80].astype(int)
    assert np.abs(difference).max() <= 1


def test_a_seed_is_one_pair() -> None:
    once, again, other = whole(7), whole(7), whole(8)
    assert np.array_equal(once.image, again.image)
    assert not np.array_equal(once.image, other.image)


def test_motion_is_heavy_tailed_and_grows_with_the_canvas() -> None:
    lengths = []
    for seed in range(30):
        pair = whole(seed)
        assert pair.flow is not None
        known = np.isfinite(pair.flow).all(-1)
        lengths.append(np.linalg.norm(pair.flow[known], axis=-1))
    px = np.concatenate(lengths) * 416 / CANVAS[1]
    assert np.mean(px < 3) > 0.08
    assert np.mean(px > 40) > 0.02
    assert np.median(px) < 20


def test_photographs_become_textures() -> None:
    photograph = np.full((64, 64, 3), (250, 10, 250), np.uint8)
    for seed in range(20):
        pair = render_pair(
            seed, canvas=CANVAS, origins=[(0, 0)], window=CANVAS, photographs=[photograph]
        )
        if (pair.image == (250, 10, 250)).all(-1).mean() > 0.05:
            return
    pytest.fail("20 pairs without a piece of the photograph")


def test_the_distance_to_a_square_is_exact() -> None:
    outline = square(10.0, 10.0, 20.0)
    points = torch.tensor([[20.0, 20.0], [5.0, 20.0], [34.0, 33.0], [12.0, 15.0]])
    assert outline.distance(points).tolist() == pytest.approx([-10, 5, 5, -2])


def test_a_hole_is_outside() -> None:
    outline = Outline(vertices=square(10.0, 10.0, 20.0).vertices, hole=(20.0, 20.0, 4.0, 4.0))
    points = torch.tensor([[20.0, 20.0], [12.0, 20.0]])
    assert outline.distance(points).tolist() == pytest.approx([4, -2])


def test_an_affine_motion_turns_about_its_centre() -> None:
    rng = np.random.default_rng(0)
    motion = near_affine(rng, (30.0, 40.0), shift_px=7.0, turn_rad=1.0, zoom=0.3)
    moved, factor = apply(motion, torch.tensor([[30.0, 40.0]]).double())
    assert float((moved - torch.tensor([30.0, 40.0])).norm()) == pytest.approx(7.0)
    assert factor.tolist() == [1.0]
