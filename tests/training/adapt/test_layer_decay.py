"""Every parameter of an encoder has a depth, counted from the top."""

from dataclasses import replace

import pytest

from models.dense_model import DenseModel
from tests.tiny_models import PUBLISHED, TINY
from training.adapt.layer_decay import blocks_above


def depths(family: str) -> dict[str, int]:
    return blocks_above(DenseModel(TINY[family]).backbone)


def test_a_vision_transformer_is_numbered_like_beit() -> None:
    found = depths("vit")
    assert found["patch.weight"] == 3  # two blocks, and one more
    assert found["registers"] == 2
    assert found["blocks.0.qkv.weight"] == 2
    assert found["blocks.1.mlp_out.bias"] == 1
    assert found["norm.weight"] == 0


@pytest.mark.parametrize("form", sorted(PUBLISHED))
def test_a_table_of_positions_lies_as_deep_as_the_patches(form: str) -> None:
    found = blocks_above(DenseModel(replace(TINY["vit"], backbone=PUBLISHED[form])).backbone)
    for name, depth in found.items():
        assert (depth == 3) == name.startswith(("patch.", "table.")), name


def test_a_pyramid_counts_the_blocks_of_all_its_levels() -> None:
    found = depths("lookup")  # 1 + 1 + 2 blocks
    assert found["stem.weight"] == found["to_4.bias"] == found["norm_4.weight"] == 5
    assert found["blocks_4.0.mix.weight"] == 4
    assert found["to_8.weight"] == found["blocks_8.0.gain"] == 3
    assert found["norm_16.weight"] == found["blocks_16.0.mix.weight"] == found["registers"] == 2
    assert found["blocks_16.1.mlp_in.weight"] == 1
    assert found["out_16.weight"] == 0


@pytest.mark.parametrize("family", sorted(TINY))
def test_no_parameter_is_left_out(family: str) -> None:
    backbone = DenseModel(TINY[family]).backbone
    found = blocks_above(backbone)
    assert list(found) == [name for name, _ in backbone.named_parameters()]
    blocks = max(found.values()) - 1
    assert set(found.values()) == set(range(blocks + 2))
