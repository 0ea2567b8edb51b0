"""Windows of samples: of random canvases, in both frames, and smaller ones of larger ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.sample import Cut, Sample
from training.data.win_win import WindowError, WindowShape, cut
from training.data.windowed import place_windows, smaller, windows_of
from training.recipe import WindowConfig

SHAPE = WindowShape(side=48, next_side=64)
CONFIG = WindowConfig(
    sides=(48, 48), canvas_px=(20_000, 60_000), border_px=0, jitter_px=0, unmatched_share=0.0
)
MOTION = (32.0, -16.0)


def pair(height: int = 160, width: int = 240) -> Sample:
    """Everything moves by 32 px to the right and 16 px up; pixels tell where they are."""
    y, x = np.mgrid[:height, :width]
    here = np.stack([y % 256, x % 256, (y // 256) * 8 + x // 256], axis=-1).astype(np.uint8)
    return Sample(
        name="moving",
        image=here,
        next_image=np.roll(here, (-16, 32), axis=(0, 1)),
        labels=(x // 16 % 11).astype(np.uint8),
        flow=np.tile(np.array(MOTION, np.float32), (height, width, 1)),
        occluded=np.zeros((height, width), bool),
    )


def test_windows_of_frame_two_hold_the_whole_of_what_moved() -> None:
    rng = np.random.default_rng(1)
    config = WindowConfig(**{**CONFIG.__dict__, "num_windows": 1})
    for _ in range(20):
        found = place_windows(rng, pair(320, 320), config, SHAPE)
        assert found.next_image is not None
        assert found.next_origins is not None
        assert found.image.shape == (1, 48, 48, 3)
        assert found.next_image.shape == (1, 64, 64, 3)
        place = found.origins[0] + (-16, 32) - found.next_origins[0]
        if (place < 0).any() or (place + 48 > 64).any():
            continue  # moved out of the canvas
        y, x = place
        assert np.array_equal(found.next_image[0, y : y + 48, x : x + 48], found.image[0])
        break
    else:
        pytest.fail("no window stayed on the canvas")


@given(seed=st.integers(0, 1000), num=st.sampled_from([1, 2, 4]))
def test_an_image_fills_canvases_of_every_size_and_shape(seed: int, num: int) -> None:
    rng = np.random.default_rng(seed)
    config = WindowConfig(num_windows=num, sides=(48, 64), canvas_px=(20_000, 60_000), border_px=4)
    found = windows_of(rng, pair(), config, SHAPE)
    assert found.image.shape == (num, 48, 48, 3)
    height, width = found.canvas
    assert height % 16 == width % 16 == 0
    assert 16_000 < height * width < 75_000
    assert found.labels is not None
    assert found.flow is not None
    unknown = (found.labels == 255).mean()
    # At most the border of all four sides, 4 of 48 px each; at least two sides are inner ones.
    assert 1 - (44 / 48) ** 2 <= unknown + 1e-9 <= 1 - (40 / 48) ** 2 + 1e-6
    assert np.array_equal(found.labels == 255, np.isnan(found.flow[..., 0]))


def test_a_small_image_is_not_enlarged_beyond_four_times_its_sides() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        found = windows_of(rng, pair(80, 120), WindowConfig(sides=(48, 48)), SHAPE)
        assert found.canvas[0] * found.canvas[1] < 1.1 * 16 * 80 * 120


def test_flow_of_an_enlarged_pair_is_enlarged() -> None:
    rng = np.random.default_rng(0)
    config = WindowConfig(
        sides=(48, 48), border_px=0, canvas_px=(614_400, 614_400), canvas_aspect=(1.5, 1.5)
    )
    found = windows_of(rng, pair(), config, SHAPE)
    assert found.flow is not None
    # 160x240 to 640x960 is four times, an aspect stretched by up to a tenth aside.
    np.testing.assert_allclose(found.flow, np.broadcast_to((128, -64), found.flow.shape), rtol=0.15)


def rendered() -> Cut:
    """Two windows of 96 px, and of 128 in the second frame, which follow the motion."""
    origins = np.array([[32, 32], [160, 192]])
    return cut(pair(320, 400), origins, (96, 96), origins + np.array([-32, 16]), (128, 128))


@given(seed=st.integers(0, 1000))
def test_smaller_windows_lie_in_the_larger_ones_and_still_follow(seed: int) -> None:
    whole = pair(320, 400)
    large = rendered()
    found = smaller(np.random.default_rng(seed), large, CONFIG, SHAPE)
    assert found.next_origins is not None
    assert found.next_image is not None
    assert whole.next_image is not None
    for n in range(2):
        (y, x), (v, u) = found.origins[n], found.next_origins[n]
        assert np.array_equal(found.image[n], whole.image[y : y + 48, x : x + 48])
        assert np.array_equal(found.next_image[n], whole.next_image[v : v + 64, u : u + 64])
        assert (found.origins[n] >= large.origins[n]).all()
        assert (found.origins[n] + 48 <= large.origins[n] + 96).all()
        # Centred: 8 px above and to the left of where it moves to, give or take the grid.
        assert np.abs(found.next_origins[n] - (y - 16 - 8, x + 32 - 8)).max() <= 8
    assert found.labels is not None
    y, x = found.origins[0]
    assert whole.labels is not None
    assert np.array_equal(found.labels[0], whole.labels[y : y + 48, x : x + 48])


def test_single_images_have_smaller_windows_too() -> None:
    whole = pair()
    single = cut(
        Sample(name="s", image=whole.image, labels=whole.labels), np.array([[0, 16]]), (96, 96)
    )
    found = smaller(np.random.default_rng(0), single, CONFIG, SHAPE)
    assert found.image.shape == (1, 48, 48, 3)
    assert found.next_image is None


def test_windows_too_small_to_cut_from_are_refused() -> None:
    with pytest.raises(WindowError, match="windows of 96 px, and of 128 px .* at least 112"):
        smaller(np.random.default_rng(0), rendered(), CONFIG, WindowShape(side=112, next_side=128))
