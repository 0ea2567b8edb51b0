import numpy as np
import pytest

from training.metrics.depth import DepthScore
from training.scoring.baselines import best_plane, dis_flow, zero_flow


def test_dis_finds_a_shift() -> None:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (20, 30, 3)).astype(np.uint8)
    large = coarse.repeat(8, axis=0).repeat(8, axis=1)
    image, next_image = large[8:136, 8:200], large[5:133, 12:204]  # what was at x is at x - 4
    flow = dis_flow(image, next_image)
    assert flow.shape == (128, 192, 2)
    assert np.median(flow[..., 0]) == pytest.approx(-4, abs=0.2)
    assert np.median(flow[..., 1]) == pytest.approx(3, abs=0.2)


@pytest.mark.parametrize("size", [(1, 1), (8, 100), (24, 96), (100, 7)])
def test_dis_survives_sizes_that_opencv_does_not(size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 255, (*size, 3)).astype(np.uint8)
    flow = dis_flow(image, image)
    assert flow.shape == (*size, 2)
    assert np.abs(flow).max() < 0.5


def test_dis_refuses_frames_of_two_sizes() -> None:
    first, second = (np.zeros((40, side, 3), dtype=np.uint8) for side in (50, 60))
    with pytest.raises(ValueError, match="images are 40x50 and 40x60"):
        dis_flow(first, second)


def test_nothing_moves_in_zero_flow() -> None:
    assert zero_flow((2, 3)).shape == (2, 3, 2)
    assert not zero_flow((2, 3)).any()


def test_a_true_plane_is_found_from_few_known_pixels() -> None:
    y, x = np.indices((300, 400))
    plane = (0.1 + 0.001 * y - 0.0002 * x).astype(np.float32)
    holes = np.full_like(plane, np.nan)
    holes[::37, ::41] = plane[::37, ::41]
    np.testing.assert_allclose(best_plane(holes), plane, atol=1e-5)
    with pytest.raises(ValueError, match="2 known pixels"):
        best_plane(np.array([[1, 1, np.nan]], dtype=np.float32))


def test_no_other_plane_scores_better_in_inverse_depth() -> None:
    truth = np.random.default_rng(0).uniform(0.1, 1, (12, 16)).astype(np.float32)
    best = best_plane(truth)
    error = np.square(best - truth).sum()
    tilted = best + 0.001 * np.arange(16, dtype=np.float32)
    assert np.square(tilted - truth).sum() > error
    aligned, bare = DepthScore(alignment="scale_shift"), DepthScore(alignment="none")
    aligned.add(best, truth)
    bare.add(best, truth)
    assert aligned.result().abs_rel == pytest.approx(bare.result().abs_rel, rel=1e-4)
