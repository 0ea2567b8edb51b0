"""Each project's own names and habits become an encoder that computes the same."""

import pytest
import torch
from torch import Tensor

from models.config import VitConfig
from tests.training.foreign.plain_vit import (
    BLOCKS,
    HEADS,
    INNER,
    C,
    D,
    State,
    forward,
    named,
    weights,
)
from tests.training.foreign.windows import encoder_of, imported, run
from training.foreign.blocks import build_block
from training.foreign.errors import ForeignError
from training.foreign.rename import rename


def picture(rows: int, cols: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(3, rows * 16, cols * 16, generator=generator)


def assert_same(state: State, image: Tensor, expected: Tensor) -> VitConfig:
    found = run(imported(state, num_heads=HEADS), image[None])[0].permute(1, 2, 0)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    return encoder_of(state, num_heads=HEADS).config


def test_dinov2() -> None:
    s = weights(registers=3, table=4, scale=True)
    state = named(s, {"reg": "register_tokens"}) | {"mask_token": torch.zeros(1, C)}
    image = picture(4, 4)
    config = assert_same(state, image, forward(s, image, eps=1e-6))
    assert (config.num_register_tokens, config.position_grid) == (4, (4, 4))
    renamed = rename(state)
    assert (renamed.family.name, renamed.left_out) == ("dinov2", ("mask_token",))


def test_dinov2_from_training_with_blocks_in_chunks_and_heads_beside() -> None:
    s = weights(table=4, scale=True)
    chunked = named(s, {}, block="blocks.0.{}.") | {"mask_token": torch.zeros(1, C)}
    state = {f"backbone.{name}": tensor for name, tensor in chunked.items()}
    state["dino_head.mlp.0.weight"] = torch.zeros(2, 2)
    image = picture(4, 4)
    assert_same(state, image, forward(s, image, eps=1e-6))
    assert rename(state).left_out == ("backbone.mask_token", "dino_head.mlp.0.weight")


def test_depth_anything_without_its_head() -> None:
    s = weights(table=4, scale=True)
    state = {f"pretrained.{name}": tensor for name, tensor in named(s, {}).items()}
    state["pretrained.mask_token"] = torch.zeros(1, C)
    state["depth_head.scratch.output_conv1.weight"] = torch.zeros(2, 2, 3, 3)
    image = picture(4, 4)
    assert_same(state, image, forward(s, image, eps=1e-6))
    renamed = rename(state)
    assert renamed.family.name == "depth-anything"
    assert renamed.left_out == (
        "depth_head.scratch.output_conv1.weight",
        "pretrained.mask_token",
    )


@pytest.mark.parametrize("filled", [True, False])
def test_dinov3_whose_keys_have_no_bias(filled: bool) -> None:
    s = weights(registers=4, scale=True)
    state = named(s, {"reg": "storage_tokens"})
    periods = 100 ** (torch.arange(D // 4) / (D // 4))
    state |= {"rope_embed.periods": periods.bfloat16(), "mask_token": torch.zeros(1, C)}
    state |= {"local_cls_norm.weight": torch.ones(C), "local_cls_norm.bias": torch.zeros(C)}
    for i in range(BLOCKS):
        mask = torch.cat([torch.ones(C), torch.zeros(C), torch.ones(C)])
        state[f"blocks.{i}.attn.qkv.bias_mask"] = (
            mask if filled else torch.full((3 * C,), torch.nan)
        )
        s[f"{i}.qkv.b"] = s[f"{i}.qkv.b"] * mask
    image = picture(3, 5)
    config = assert_same(state, image, forward(s, image, eps=1e-5, rotary="dinov3"))
    assert (config.rotary, config.num_register_tokens) == ("image", 5)
    assert rename(state).family.name == "dinov3"


def test_dinov3_with_other_periods_is_refused() -> None:
    state = named(weights(registers=4, scale=True), {"reg": "storage_tokens"})
    state["rope_embed.periods"] = 10 ** (torch.arange(D // 4) / (D // 4))
    with pytest.raises(ForeignError, match=r"run from 1 to 5.623, expected 1 to 31.62"):
        imported(state, num_heads=HEADS)
    with pytest.raises(ForeignError, match="there are 4 rotary periods, expected 2 for heads of 8"):
        imported(state, num_heads=4)


def test_croco_keeps_its_rotary_layout_of_two_halves() -> None:
    s = weights(class_token=False, scale=False)
    names = {"norm.w": "enc_norm.weight", "norm.b": "enc_norm.bias"}
    state = named(s, names, block="enc_blocks.{}.")
    decoder = ("dec_blocks.0.norm1.weight", "dec_norm.bias", "decoder_embed.weight", "mask_token")
    state |= {name: torch.zeros(4) for name in (*decoder, "prediction_head.weight")}
    image = picture(3, 5)
    config = assert_same(state, image, forward(s, image, eps=1e-6, rotary="croco"))
    assert (config.rotary, config.num_register_tokens) == ("patches", 0)
    assert set(rename(state).left_out) == {*decoder, "prediction_head.weight"}


def test_the_first_croco_has_a_table() -> None:
    s = weights(class_token=False, table=4, scale=False)
    names = {"norm.w": "enc_norm.weight", "norm.b": "enc_norm.bias", "pos": "enc_pos_embed"}
    state = named(s, names, block="enc_blocks.{}.")
    state["enc_pos_embed"] = state["enc_pos_embed"][0]
    state["dec_pos_embed"] = torch.zeros(16, 8)
    image = picture(4, 4)
    config = assert_same(state, image, forward(s, image, eps=1e-6))
    assert (config.rotary, config.position_grid) == ("none", (4, 4))


def apart(s: State, names: tuple[str, str, str]) -> State:
    """Block weights with queries, keys and values in layers of their own."""
    found = {name: tensor for name, tensor in s.items() if ".qkv." not in name}
    for i in range(BLOCKS):
        for kind in "wb":
            parts = s[f"{i}.qkv.{kind}"].chunk(3)
            found |= {f"{i}.{n}.{kind}": part for n, part in zip(names, parts, strict=True)}
    return found


def test_dinov3_of_transformers() -> None:
    s = weights(registers=4, scale=True)
    for i in range(BLOCKS):
        s[f"{i}.qkv.b"][C : 2 * C] = 0
    layers = {"out": "attention.o_proj", "fc1": "mlp.up_proj", "fc2": "mlp.down_proj"}
    layers |= {n: f"attention.{n}_proj" for n in "qkv"} | {"norm1": "norm1", "norm2": "norm2"}
    inside = both(layers) | {"ls1": "layer_scale1.lambda1", "ls2": "layer_scale2.lambda1"}
    outside = {
        "patch.w": "embeddings.patch_embeddings.weight",
        "patch.b": "embeddings.patch_embeddings.bias",
        "cls": "embeddings.cls_token",
        "reg": "embeddings.register_tokens",
    }
    state = named(apart(s, ("q", "k", "v")), outside, block="layer.{}.", inside=inside)
    state = {n: t for n, t in state.items() if not n.endswith("k_proj.bias")}
    image = picture(3, 5)
    assert_same(state, image, forward(s, image, eps=1e-5, rotary="dinov3"))
    assert rename(state).family.name == "dinov3-transformers"


def test_dinov2_of_transformers() -> None:
    s = weights(table=4, scale=True)
    layers = {"q": "query", "k": "key", "v": "value"}
    layers = {short: f"attention.attention.{name}" for short, name in layers.items()}
    layers |= {"out": "attention.output.dense", "fc1": "mlp.fc1", "fc2": "mlp.fc2"}
    layers |= {"norm1": "norm1", "norm2": "norm2"}
    inside = both(layers) | {"ls1": "layer_scale1.lambda1", "ls2": "layer_scale2.lambda1"}
    outside = {
        "patch.w": "embeddings.patch_embeddings.projection.weight",
        "patch.b": "embeddings.patch_embeddings.projection.bias",
        "cls": "embeddings.cls_token",
        "pos": "embeddings.position_embeddings",
        "norm.w": "layernorm.weight",
        "norm.b": "layernorm.bias",
    }
    state = named(apart(s, ("q", "k", "v")), outside, block="encoder.layer.{}.", inside=inside)
    state = {f"backbone.{name}": tensor for name, tensor in state.items()}
    state |= {"backbone.embeddings.mask_token": torch.zeros(1, C), "head.conv1.bias": torch.ones(2)}
    image = picture(4, 4)
    assert_same(state, image, forward(s, image, eps=1e-6))
    assert rename(state).left_out == ("backbone.embeddings.mask_token", "head.conv1.bias")


def both(layers: dict[str, str]) -> dict[str, str]:
    kinds = {"w": "weight", "b": "bias"}
    return {f"{a}.{s}": f"{b}.{kind}" for a, b in layers.items() for s, kind in kinds.items()}


def test_registers_that_have_positions_too() -> None:
    s = weights(registers=2, table=4, scale=False)
    state = named(s, {"reg": "reg_token"})
    more = torch.randn(1, 2, C, generator=torch.Generator().manual_seed(2))
    state["pos_embed"] = torch.cat([state["pos_embed"][:, :1], more, state["pos_embed"][:, 1:]], 1)
    image = picture(4, 4)
    s["reg"] = s["reg"] + more
    assert_same(state, image, forward(s, image, eps=1e-6))


def test_gated_units_are_told_by_their_shapes() -> None:
    s = weights(table=4, scale=True)
    state = named(s, {}) | {"mask_token": torch.zeros(1, C)}
    for i in range(BLOCKS):
        w, b = state.pop(f"blocks.{i}.mlp.fc1.weight"), state.pop(f"blocks.{i}.mlp.fc1.bias")
        state |= {f"blocks.{i}.mlp.w12.weight": w, f"blocks.{i}.mlp.w12.bias": b}
        out = state.pop(f"blocks.{i}.mlp.fc2.weight")
        state[f"blocks.{i}.mlp.w3.weight"] = out[:, : len(w) // 2]
        state[f"blocks.{i}.mlp.w3.bias"] = state.pop(f"blocks.{i}.mlp.fc2.bias")
    config = encoder_of(state, num_heads=HEADS).config
    assert (config.mlp, config.mlp_dim) == ("swiglu", 24)


def test_names_of_no_family_are_shown() -> None:
    with pytest.raises(ForeignError, match=r"no known family has tensors named conv1.weight, fc"):
        rename({"conv1.weight": torch.zeros(1), "fc": torch.zeros(1)})


def test_a_tensor_that_would_change_the_answer_is_not_dropped() -> None:
    state = named(weights(table=4, scale=False), {}) | {"norm_pre.weight": torch.ones(C)}
    with pytest.raises(ForeignError, match=r"1 tensors are not of a timm encoder.*norm_pre.weight"):
        rename(state)


def test_a_missing_block_is_told() -> None:
    state = named(weights(table=4, scale=False), {})
    state = {name.replace("blocks.1.", "blocks.2."): tensor for name, tensor in state.items()}
    with pytest.raises(ForeignError, match=r"blocks \[0, 2\] are in the file, expected 0 to 2"):
        rename(state)


@pytest.mark.parametrize(
    "name",
    ["blocks.1.attn.proj.weight", "norm.bias", "blocks.0.norm1.bias", "patch_embed.proj.bias"],
)
def test_a_missing_tensor_is_told(name: str) -> None:
    state = named(weights(table=4, scale=False), {})
    del state[name]
    with pytest.raises(ForeignError, match="is missing: the file is not complete"):
        imported(state, num_heads=HEADS)


@pytest.mark.parametrize("name", ["attn.qkv.bias", "mlp.fc2.bias"])
@pytest.mark.parametrize("block", [0, 1])
def test_a_bias_that_only_some_blocks_have_is_not_taken_for_zero(name: str, block: int) -> None:
    state = named(weights(table=4, scale=False), {})
    del state[f"blocks.{block}.{name}"]
    with pytest.raises(ForeignError, match=r"timm encoder are not alike, e.g. \['blocks.1."):
        imported(state, num_heads=HEADS)


def test_a_bias_whose_layer_is_missing_is_told() -> None:
    tensors = {"blocks.0.q.bias": torch.zeros(C), "blocks.0.norm_attention.weight": torch.ones(C)}
    tensors["blocks.0.norm_attention.bias"] = torch.zeros(C)
    with pytest.raises(ForeignError, match=r"blocks.0.qkv.weight is missing: the file is not comp"):
        build_block(tensors, "blocks.0.", num_heads=HEADS, patch_units=False)


def test_heads_that_nobody_knows_are_asked_for() -> None:
    state = named(weights(table=4, scale=False), {})
    with pytest.raises(ForeignError, match="how many heads has a timm encoder of 32 channels"):
        imported(state)
    with pytest.raises(ForeignError, match="5 heads do not divide 32 channels"):
        imported(state, num_heads=5)


def test_inner_names_cover_the_plain_network() -> None:
    assert {n.partition(".")[2] for n in weights(scale=True) if n[0].isdigit()} == set(INNER)
