import numpy as np
import pytest
import torch

from training.data.synthetic.atlas import LAYER_TEXELS, NUM_LEVELS, SIDE, Atlas, pack_layer


def atlas_of(*textures: np.ndarray, own: int = 0) -> Atlas:
    layers = [torch.from_numpy(pack_layer(texture)) for texture in textures]
    count = len(layers) - own
    empty = torch.zeros(0, dtype=torch.int32)
    return Atlas(bank=torch.cat([*layers[:count], empty]), own=torch.cat([*layers[count:], empty]))


def ramp() -> np.ndarray:
    """Red is the column, green the row."""
    texture = np.zeros((SIDE, SIDE, 3), dtype=np.uint8)
    texture[..., 0] = np.arange(SIDE)
    texture[..., 1] = np.arange(SIDE)[:, None]
    return texture


def look_up(atlas: Atlas, u: float, v: float, lod: float, layer: int = 0) -> list[float]:
    one = torch.tensor([layer]), torch.tensor([u]), torch.tensor([v]), torch.tensor([lod])
    colour: list[float] = atlas.sample(*one)[0].tolist()
    return colour


def test_a_texel_centre_gives_the_texel() -> None:
    colour = look_up(atlas_of(ramp()), 10.5 / SIDE, 20.5 / SIDE, 0.0)
    assert colour == pytest.approx([10, 20, 0, 255])


def test_between_two_texels_is_their_mean() -> None:
    assert look_up(atlas_of(ramp()), 11.0 / SIDE, 20.5 / SIDE, 0.0)[0] == pytest.approx(10.5)


def test_a_texture_repeats() -> None:
    atlas = atlas_of(ramp())
    here, there = look_up(atlas, 0.3, 0.7, 0.0), look_up(atlas, -1.7, 5.7, 0.0)
    assert here == pytest.approx(there, abs=1e-2)


def test_the_top_of_the_pyramid_is_the_mean() -> None:
    texture = np.zeros((SIDE, SIDE, 3), dtype=np.uint8)
    texture[:, : SIDE // 2] = 200
    assert look_up(atlas_of(texture), 0.1, 0.1, NUM_LEVELS + 3.0)[:3] == pytest.approx([100] * 3)


def test_layers_of_the_scene_follow_those_of_the_bank() -> None:
    flat = np.full((SIDE, SIDE, 3), 77, dtype=np.uint8)
    atlas = atlas_of(ramp(), flat, own=1)
    assert atlas.bank.shape[0] == LAYER_TEXELS
    assert look_up(atlas, 0.4, 0.4, 0.0, layer=1)[:3] == pytest.approx([77] * 3)


def test_alpha_says_where_a_layer_is_solid() -> None:
    texture = np.zeros((SIDE, SIDE, 4), dtype=np.uint8)
    texture[:, SIDE // 2 :, 3] = 255
    u = torch.tensor([0.25, 0.75])
    solid = atlas_of(texture).solid_at(torch.zeros(2, dtype=torch.int64), u, torch.zeros(2))
    assert solid.tolist() == [False, True]


def test_a_texture_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(16, 16, 3\), expected \(256, 256, 3 or 4\)"):
        pack_layer(np.zeros((16, 16, 3), dtype=np.uint8))
