"""Sizes of models for studies: from seconds on one core to hours on a GPU."""

from dataclasses import replace
from typing import Literal, get_args

from models.config import FlowConfig, LookupConfig, ModelConfig, VitConfig
from models.presets import PRESETS
from models.task import Task

Family = Literal["vit", "lookup"]
FAMILIES: tuple[Family, ...] = get_args(Family)
Size = Literal["tiny", "small", "medium", "large"]

_SMALL_FLOW = FlowConfig(
    descriptor_channels=16, context_channels=16, hidden_channels=32, num_context_tokens=256
)
_OURS: dict[tuple[Family, Size], ModelConfig] = {
    ("vit", "tiny"): ModelConfig(
        name="study-vit-tiny",
        backbone=VitConfig(embed_dim=32, num_blocks=2, num_heads=2),
        neck_channels=16,
        flow=replace(_SMALL_FLOW, hidden_channels=16, radius=2),
    ),
    ("lookup", "tiny"): ModelConfig(
        name="study-lookup-tiny",
        backbone=LookupConfig(
            channels=(8, 16, 32), num_blocks=(1, 1, 2), num_heads=2, num_lookup_tokens=64
        ),
        neck_channels=16,
        flow=replace(_SMALL_FLOW, hidden_channels=16, radius=2),
    ),
    ("vit", "small"): ModelConfig(
        name="study-vit-small",
        backbone=VitConfig(embed_dim=128, num_blocks=6, num_heads=2),
        neck_channels=32,
        flow=_SMALL_FLOW,
    ),
    ("lookup", "small"): ModelConfig(
        name="study-lookup-small",
        backbone=LookupConfig(channels=(24, 48, 96), num_blocks=(1, 1, 4), num_heads=2),
        neck_channels=32,
        flow=_SMALL_FLOW,
    ),
    ("vit", "medium"): PRESETS["vit-t"],
    ("lookup", "medium"): PRESETS["lookup-t"],
    ("vit", "large"): PRESETS["vit-s"],
    ("lookup", "large"): PRESETS["lookup-s"],
}
"""tiny: for tests. small: two CPU cores. medium and large: a GPU."""


def study_model(family: Family, size: Size, tasks: tuple[Task, ...]) -> ModelConfig:
    """A model of a family with the heads of these tasks alone: the others would cost time."""
    config = _OURS[family, size]
    return replace(
        config,
        segmentation=config.segmentation if Task.SEGMENTATION in tasks else None,
        depth=config.depth if Task.DEPTH in tasks else None,
        flow=config.flow if Task.FLOW in tasks else None,
    )
