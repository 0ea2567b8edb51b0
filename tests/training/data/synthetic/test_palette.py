import numpy as np
import pytest
import torch

from training.data.synthetic.atlas import LAYER_TEXELS, SIDE
from training.data.synthetic.palette import Palette, crop_texture
from training.data.synthetic.swatches.bank import bank_texels, mean_colour, num_layers

CPU = torch.device("cpu")


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def test_a_tint_has_the_colour_asked_for_in_the_mean() -> None:
    wanted = (0.7, 0.2, 0.4)
    material = Palette(rng=rng()).tinted("bricks", wanted, contrast=0.5)
    mean = mean_colour(material.layer)
    got = [b + g * m for b, g, m in zip(material.bias, material.gain, mean, strict=True)]
    assert got == pytest.approx(wanted)


def test_without_photographs_pictures_are_drawn() -> None:
    palette = Palette(rng=rng())
    assert all(palette.picture().layer < num_layers() for _ in range(20))
    assert palette.atlas(CPU).own.shape == (0,)


def test_a_scene_takes_few_patches_of_photographs() -> None:
    palette = Palette(rng=rng(), photographs=[np.zeros((300, 300, 3), dtype=np.uint8)])
    layers = {palette.picture().layer for _ in range(200)}
    patches = palette.atlas(CPU).own.shape[0] // LAYER_TEXELS
    assert 0 < patches <= palette.max_photographs
    assert max(layers) == num_layers() + patches - 1


@pytest.mark.parametrize("size", [(40, 700), (SIDE, SIDE), (1000, 600)])
def test_any_photograph_gives_a_texture(size: tuple[int, int]) -> None:
    photograph = np.full((*size, 3), 99, dtype=np.uint8)
    texture = crop_texture(photograph, rng())
    assert texture.shape == (SIDE, SIDE, 3)
    assert (texture == 99).all()


def test_the_bank_is_as_long_as_its_families_say() -> None:
    assert bank_texels(CPU).shape == (num_layers() * LAYER_TEXELS,)
