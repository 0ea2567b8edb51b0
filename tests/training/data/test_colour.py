import numpy as np
import pytest

from training.data.colour import Colour, ColourJitter

RAMP = np.stack([np.arange(256, dtype=np.uint8)] * 3, axis=-1)[None]
RED = np.array([[[200, 10, 10]]], dtype=np.uint8)


def test_the_defaults_change_nothing() -> None:
    np.testing.assert_array_equal(Colour().apply(RAMP), RAMP)
    np.testing.assert_array_equal(Colour().apply(RED), RED)


def test_values_by_hand() -> None:
    half = Colour(brightness=0.5).apply(RAMP)[0, :, 0]
    assert half[[0, 100, 255]].tolist() == [0, 50, 128]
    steep = Colour(contrast=2.0).apply(RAMP)[0, :, 0]
    assert steep[[0, 100, 255]].tolist() == [0, 72, 255]  # 2 * (100 - 127.5) + 127.5 = 72.5, even
    root = Colour(gamma=0.5).apply(RAMP)[0, :, 0]
    assert root[64] == round(255 * (64 / 255) ** 0.5)


def test_without_saturation_the_luma_remains() -> None:
    grey = Colour(saturation=0.0).apply(RED)[0, 0]
    assert grey == pytest.approx(0.299 * 200 + 0.701 * 10, abs=1)


def test_hue_turns_colours_and_leaves_grey_alone() -> None:
    assert Colour(hue_deg=90.0).apply(RAMP) == pytest.approx(RAMP, abs=1)
    red, green, _ = Colour(hue_deg=120.0).apply(RED)[0, 0]
    assert abs(int(red) - 200) > 50
    once = Colour(hue_deg=30.0).apply(np.array([[[150, 110, 120]]], dtype=np.uint8))
    back = Colour(hue_deg=-30.0).apply(once)
    assert back[0, 0] == pytest.approx([150, 110, 120], abs=2)


def test_draws_stay_in_their_limits_and_some_are_grey() -> None:
    jitter = ColourJitter(brightness=0.25, grey_share=0.5)
    rng = np.random.default_rng(0)
    draws = [jitter.draw(rng) for _ in range(200)]
    assert all(0.8 <= colour.brightness <= 1.25 for colour in draws)
    assert 0.35 < sum(colour.saturation == 0 for colour in draws) / 200 < 0.65
    assert ColourJitter().draw(np.random.default_rng(5)) == ColourJitter().draw(
        np.random.default_rng(5)
    )
