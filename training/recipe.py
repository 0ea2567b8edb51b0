"""What a training run is made of, as frozen values. The named ones are in recipes.py."""

from dataclasses import dataclass, field
from typing import Literal

from models.config import ModelConfig
from training.schedule import Shape


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """What one optimizer step sees."""

    seed: int = 0
    images_per_step: int = 4
    """CamVid images: labels alone."""
    scenes_per_step: int = 8
    """Rendered scenes without their second frame: depth and labels, without the cost of flow."""
    pairs_per_step: int = 4
    """Rendered pairs: flow, and where a scene was rendered depth and labels."""
    window: tuple[int, int] = (256, 320)
    """(height, width) in pixels of a crop of an image."""
    pair_window: tuple[int, int] = (192, 256)
    """(height, width) in pixels of a crop of a pair or scene: many teach more than large ones."""
    square: int = 176
    """Side of each of two Win-Win windows in pixels."""
    two_windows_share: float = 0.2
    """Share of steps that see two windows of a larger canvas in place of one crop."""
    num_scenes: int = 1600
    """Rendered three-dimensional pairs in the pool."""
    num_layered: int = 1600
    """Rendered layered pairs in the pool."""
    pool_window: tuple[int, int] = (256, 336)
    """(height, width) of a rendered pair; crops of it are trained on."""
    num_workers: int = 1


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """AdamW and its schedule."""

    learning_rate: float = 6e-4
    weight_decay: float = 0.05
    warmup_steps: int = 100
    schedule: Shape = "cosine"
    clip_norm: float = 1.0
    average_decay: float = 0.998


@dataclass(frozen=True, kw_only=True)
class LossWeights:
    """How much each task counts."""

    segmentation: float = 1.0
    scene_segmentation: float = 0.25
    """Labels of rendered scenes: they teach geometry, not how real streets look."""
    depth: float = 1.0
    flow: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One training run, from its data to its length."""

    name: str
    summary: str
    """One line: what it makes, on what, in which time, with which score."""
    model: ModelConfig
    num_steps: int
    data: DataConfig = field(default_factory=DataConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    weights: LossWeights = field(default_factory=LossWeights)
    precision: Literal["f32", "bf16"] = "bf16"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int = 2
    lookup_tokens: tuple[int, ...] = (36, 64, 100, 144)
    """Drawn anew for every step: one set of weights serves every number."""
    checkpoint_every: int = 100
    """Optimizer steps."""
    init: str | None = None
    """A .safetensors file of weights to start from."""
