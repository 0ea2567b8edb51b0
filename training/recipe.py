"""What a training run is made of, as frozen values. The named ones are in recipes.py."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from models.config import ModelConfig, config_to_dict
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
    num_workers: int | None = None
    """Processes that prepare data. None: half as many as there are cores."""


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
    threads: int | None = None
    """Of PyTorch. None: one per core."""
    lookup_tokens: tuple[int, ...] = (36, 64, 100, 144)
    """Drawn anew for every step: one set of weights serves every number."""
    checkpoint_every: int = 100
    """Optimizer steps."""
    pictures_every: int = 5
    """Checkpoints from one set of pictures on TensorBoard to the next; a run that has some ends
    with one more. 0: none at all."""
    report: Literal["quick", "full", "none"] = "quick"
    """What report.html scores at the end of the run: some frames of the long data sets, all."""
    init: str | None = None
    """A .safetensors file of weights to start from."""


MAY_CHANGE = frozenset(
    (
        "summary",
        "num_steps",
        "checkpoint_every",
        "pictures_every",
        "report",
        "device",
        "threads",
        "init",
        "data.num_workers",
    )
)
"""What a resumed run may have otherwise than the run that it goes on with."""


def recipe_to_dict(recipe: Recipe) -> dict[str, Any]:
    """Plain values as JSON holds them."""
    plain = {**asdict(recipe), "model": config_to_dict(recipe.model)}
    values: dict[str, Any] = json.loads(json.dumps(plain))
    return values


def differences(saved: dict[str, Any], recipe: Recipe) -> list[str]:
    """Names of the values that make another run of it than the saved one."""
    old, new = _flat(saved), _flat(recipe_to_dict(recipe))
    names = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    return [name for name in names if name not in MAY_CHANGE]


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = value
    return found
