"""Small models for tests: every kind of layer and head, few of each, weights made wild on purpose.

Fresh weights hide mistakes behind near-zero branches.
"""

from dataclasses import replace

import torch

from models.config import (
    DepthConfig,
    FlowConfig,
    LookupConfig,
    ModelConfig,
    ResformerConfig,
    VitConfig,
)
from models.dense_model import DenseModel

TINY_FLOW = FlowConfig(
    descriptor_channels=8, context_channels=8, hidden_channels=16, radius=2, num_context_tokens=16
)
TINY = {
    "lookup": ModelConfig(
        name="tiny-lookup",
        backbone=LookupConfig(
            channels=(8, 16, 32), num_blocks=(1, 1, 2), num_heads=2, num_lookup_tokens=12
        ),
        neck_channels=16,
        depth=DepthConfig(overview_side=64),
        flow=TINY_FLOW,
    ),
    "vit": ModelConfig(
        name="tiny-vit",
        backbone=VitConfig(embed_dim=32, num_blocks=2, num_heads=2),
        neck_channels=16,
        flow=replace(TINY_FLOW, head="regression"),
    ),
    "resformer": ModelConfig(
        name="tiny-resformer",
        backbone=ResformerConfig(embed_dim=32, num_blocks=2, num_heads=2),
        neck_channels=16,
        flow=replace(TINY_FLOW, head="regression"),
    ),
}

PUBLISHED = {
    "table": VitConfig(
        embed_dim=32,
        num_blocks=2,
        num_heads=2,
        num_register_tokens=1,
        mlp="swiglu",
        mlp_dim=24,
        layer_scale=True,
        norm_eps=1e-6,
        rotary="none",
        position_grid=(3, 5),
        log_scale=False,
    ),
    "image": VitConfig(
        embed_dim=32,
        num_blocks=2,
        num_heads=2,
        layer_scale=True,
        rotary="image",
        log_scale=False,
    ),
    "patches": VitConfig(
        embed_dim=32,
        num_blocks=2,
        num_heads=2,
        num_register_tokens=0,
        rotary="patches",
        log_scale=False,
    ),
}
"""The forms of `vit` that published weights have: DINOv2's, DINOv3's, CroCo's."""


def wild(config: ModelConfig) -> DenseModel:
    """A model with random weights of ordinary size everywhere."""
    torch.manual_seed(0)
    model = DenseModel(config).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3 if parameter.ndim < 2 else 0.1)
    return model
