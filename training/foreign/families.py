"""The families of published weights that can become our encoder, and which one a file is of.

Names were read off the projects' own state dicts; no code is theirs.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from training.foreign.errors import ForeignError
from training.foreign.family import USUAL_HEADS, Family

_OUTSIDE = {
    "patch_embed.proj": "patch",
    "cls_token": "class_token",
    "pos_embed": "positions",
    "norm": "norm",
}
_INSIDE = {
    "norm1": "norm_attention",
    "attn.qkv": "qkv",
    "attn.proj": "out",
    "ls1.gamma": "gain_attention",
    "norm2": "norm_mlp",
    "mlp.fc1": "mlp_in",
    "mlp.fc2": "mlp_out",
    "ls2.gamma": "gain_mlp",
}
_DINOV3_HEADS = {**USUAL_HEADS, 1152: 18, 1280: 20, 4096: 32}

DINOV2 = Family(
    name="dinov2",
    title="DINOv2",
    marks=(r"blocks\.0\.(0\.)?ls1\.gamma", "mask_token", "pos_embed"),
    outside={**_OUTSIDE, "register_tokens": "registers"},
    inside={**_INSIDE, "mlp.w12": "mlp_in", "mlp.w3": "mlp_out"},
    left_out=("mask_token",),
)
DEPTH_ANYTHING = replace(
    DINOV2,
    name="depth-anything",
    title="Depth Anything v1 or v2: its DINOv2 encoder, without the DPT head",
    prefixes=("pretrained.",),
    marks=(r"blocks\.0\.ls1\.gamma", "pos_embed"),
)
CROCO = Family(
    name="croco",
    title="CroCo: its encoder, without the decoder",
    marks=(r"enc_blocks\.0\.attn\.qkv\.weight",),
    outside={"patch_embed.proj": "patch", "enc_norm": "norm", "enc_pos_embed": "positions"},
    block=r"enc_blocks\.(?P<index>\d+)\.",
    inside=_INSIDE,
    left_out=(
        r"dec_.*",
        r"decoder_embed\..*",
        r"mask_token",
        r"prediction_head\..*",
        r"head\..*",
        r"downstream_head.*",
    ),
    rotary="patches",
)
DINOV3 = Family(
    name="dinov3",
    title="DINOv3",
    marks=(r"rope_embed\.periods", r"blocks\.0\.attn\.qkv\.weight"),
    outside={**_OUTSIDE, "storage_tokens": "registers", "rope_embed.periods": "periods"},
    inside={**_INSIDE, "mlp.w1": "gate", "mlp.w2": "value", "mlp.w3": "mlp_out"},
    # The second and third norm are for class tokens, which a dense map drops.
    left_out=("mask_token", r"cls_norm\..*", r"local_cls_norm\..*"),
    norm_eps=1e-5,
    rotary="image",
    heads=_DINOV3_HEADS,
)
DINOV3_TIMM = Family(
    name="dinov3-timm",
    title="DINOv3 as timm keeps it",
    marks=(r"blocks\.0\.gamma_1", "reg_token", r"norm\.weight"),
    outside={name: plain for name, plain in _OUTSIDE.items() if plain != "positions"}
    | {"reg_token": "registers"},
    inside={
        **_INSIDE,
        "gamma_1": "gain_attention",
        "gamma_2": "gain_mlp",
        "attn.q_bias": "q.bias",
        "attn.k_bias": "k.bias",
        "attn.v_bias": "v.bias",
        "mlp.fc1_g": "gate",
        "mlp.fc1_x": "value",
    },
    left_out=(r"head\..*", r"rope\.periods"),
    norm_eps=1e-5,
    rotary="image",
    heads=_DINOV3_HEADS,
)
DINOV3_TRANSFORMERS = Family(
    name="dinov3-transformers",
    title="DINOv3 as transformers keeps it",
    prefixes=("", "backbone.", "model."),
    marks=(r"embeddings\.patch_embeddings\.weight", r"embeddings\.register_tokens"),
    outside={
        "embeddings.patch_embeddings": "patch",
        "embeddings.cls_token": "class_token",
        "embeddings.register_tokens": "registers",
        "norm": "norm",
    },
    block=r"(?:model\.)?layer\.(?P<index>\d+)\.",
    inside={
        "norm1": "norm_attention",
        "attention.q_proj": "q",
        "attention.k_proj": "k",
        "attention.v_proj": "v",
        "attention.o_proj": "out",
        "layer_scale1.lambda1": "gain_attention",
        "norm2": "norm_mlp",
        "mlp.gate_proj": "gate",
        "mlp.up_proj": "value",  # in a plain MLP alone: see `encoder`
        "mlp.down_proj": "mlp_out",
        "layer_scale2.lambda1": "gain_mlp",
    },
    left_out=(r"embeddings\.mask_token",),
    norm_eps=1e-5,
    rotary="image",
    heads=_DINOV3_HEADS,
)
DINOV2_TRANSFORMERS = Family(
    name="dinov2-transformers",
    title="DINOv2 (or Depth Anything's encoder) as transformers keeps it",
    prefixes=("", "backbone.", "dinov2.", "dinov2_with_registers."),
    marks=(
        r"encoder\.layer\.0\.layer_scale1\.lambda1",
        r"embeddings\.patch_embeddings\.projection\.weight",
    ),
    outside={
        "embeddings.patch_embeddings.projection": "patch",
        "embeddings.cls_token": "class_token",
        "embeddings.register_tokens": "registers",
        "embeddings.position_embeddings": "positions",
        "layernorm": "norm",
    },
    block=r"encoder\.layer\.(?P<index>\d+)\.",
    inside={
        "norm1": "norm_attention",
        "attention.attention.query": "q",
        "attention.attention.key": "k",
        "attention.attention.value": "v",
        "attention.output.dense": "out",
        "layer_scale1.lambda1": "gain_attention",
        "norm2": "norm_mlp",
        "mlp.fc1": "mlp_in",
        "mlp.fc2": "mlp_out",
        "mlp.weights_in": "mlp_in",
        "mlp.weights_out": "mlp_out",
        "layer_scale2.lambda1": "gain_mlp",
    },
    left_out=(r"embeddings\.mask_token", r"classifier\..*"),
)
TIMM = Family(
    name="timm",
    title="a ViT as timm, DeiT and MAE keep it",
    marks=(r"blocks\.0\.attn\.qkv\.weight", r"patch_embed\.proj\.weight", "pos_embed"),
    outside={
        **_OUTSIDE,
        "dist_token": "second_token",
        "reg_token": "registers",
        # Fine-tuned on the mean of all tokens: the norm after it is the only last one.
        "fc_norm": "norm",
    },
    inside=_INSIDE,
    left_out=(r"head(_dist)?\..*", r"attn_pool\..*", r"mask_token", r"decoder_.*"),
    heads={**USUAL_HEADS, 1152: 16, 1280: 16, 1408: 16, 1664: 16},
)

FAMILIES: tuple[Family, ...] = (
    DEPTH_ANYTHING,
    CROCO,
    DINOV3,
    DINOV3_TIMM,
    DINOV3_TRANSFORMERS,
    DINOV2_TRANSFORMERS,
    DINOV2,
    TIMM,
)
"""From the most telling names to the least."""


def find_family(names: Iterable[str]) -> tuple[Family, str]:
    """The family that a state dict is of, and the prefix before its encoder's names.

    Raises:
        ForeignError: none of them.
    """
    there = set(names)
    for family in FAMILIES:
        for prefix in family.prefixes:
            rest = [name.removeprefix(prefix) for name in there if name.startswith(prefix)]
            if all(any(re.fullmatch(mark, name) for name in rest) for mark in family.marks):
                return family, prefix
    some = ", ".join(sorted(there)[:5])
    raise ForeignError(
        f"no known family has tensors named {some}, ... ({len(there)} in all); known are "
        f"{', '.join(sorted({family.name for family in FAMILIES}))}: see docs/import-weights.md"
    )
