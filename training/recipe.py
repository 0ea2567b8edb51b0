"""What a training run is made of, as frozen values. The named ones are in recipes.py."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from models.config import ModelConfig, config_from_dict, config_to_dict
from training.schedule import Shape


@dataclass(frozen=True, kw_only=True)
class WindowConfig:
    """Win-Win's windows: a few squares of a large canvas (training/data/win_win.py)."""

    num_windows: int = 2
    """Of each canvas. Two are best (Win-Win, arXiv 2310.00632)."""
    sides: tuple[int, int] = (144, 208)
    """Smallest and largest side in pixels; one for every step, a multiple of the stride."""
    border_px: int = 16
    """Left out of the loss along those sides of a window that are no sides of the canvas: there
    convolutions see an edge that no image has at test. Measured with trained `lookup-s` weights on
    CamVid: the outer 16 px lose 8 points of accuracy against the whole image, 16-32 px 5.5, the
    middle none. Its reach is wider than a window, so most of a window must count all the same."""
    canvas_px: tuple[int, int] = (400_000, 2160 * 3840)
    """Fewest and most pixels of a canvas, drawn log-uniformly: 4K, whatever the test."""
    canvas_aspect: tuple[float, float] = (0.5, 2.6)
    """Width / height of a canvas, drawn log-uniformly."""
    next_larger: tuple[float, float] = (1.1, 1.2)
    """How much larger the second frame's windows are: they hold what moves apart."""
    jitter_px: int = 32
    """How far the second frame's windows may lie from where the first's moved to, per axis."""
    unmatched_share: float = 0.1
    """Share of the second frame's windows that lie elsewhere and show nothing of the first's. The
    true flow stays the target: it cannot be known there, so the uncertainty learns to say so."""


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """What one optimizer step sees."""

    seed: int = 0
    tokens_per_step: int | None = None
    """Cells of 16x16 px of all windows and frames of a step, in place of a number of samples: the
    numbers of samples below are then their ratio alone. None: they are the numbers."""
    labelled: tuple[str, ...] = ("camvid:train",)
    """Data sets of labelled images, by the names of `python -m training data`; all of the model's
    classes. One that is named twice is seen twice as often."""
    depth: tuple[str, ...] = ()
    """Data sets of real images with depth."""
    pairs: tuple[str, ...] = ()
    """Data sets of real pairs with flow."""
    photographs: tuple[str, ...] = ("camvid:train",)
    """Data sets whose images are textures of what is rendered; may be empty."""
    images_per_step: int = 4
    """Of `labelled`."""
    depth_images_per_step: int = 4
    """Of `depth`, if there is any."""
    real_pairs_per_step: int = 4
    """Of `pairs`, if there are any."""
    scenes_per_step: int = 8
    """Rendered scenes without their second frame: depth and labels, without the cost of flow.
    Their classes are CamVid's: a model of other classes learns depth and flow alone from them."""
    pairs_per_step: int = 4
    """Rendered pairs: flow, and where a scene was rendered depth and labels."""
    window: tuple[int, int] = (256, 320)
    """(height, width) in pixels of a crop of an image."""
    pair_window: tuple[int, int] = (192, 256)
    """(height, width) in pixels of a crop of a pair or scene: many teach more than large ones."""
    windows: WindowConfig = field(default_factory=WindowConfig)
    canvas_range: tuple[float, float] = (0.5, 2.0)
    """Factor for the sides of the crops of a batch, drawn anew for each: every task sees every
    resolution. A batch keeps its number of pixels."""
    two_windows_share: float = 0.2
    """Share of steps that see Win-Win's windows of a larger canvas in place of one crop."""
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
    rate_factors: tuple[tuple[str, float], ...] = ()
    """(part, factor) of the learning rate, such as ("backbone", 0.1). A part is a beginning of
    parameters' names; of several that a parameter lies in, the last one listed counts."""
    layer_decay: float = 1.0
    """Factor of the learning rate for each block of the encoder, from the top down; 0.75 is usual
    for fine-tuning, 1 is off."""


@dataclass(frozen=True, kw_only=True)
class LoraConfig:
    """Low-rank adapters beside linear layers, whose own weights stay (LoRA, arXiv 2106.09685)."""

    rank: int = 0
    """Of each adapter; 0 for none, 4 to 16 is usual."""
    alpha: float = 16.0
    """What an adapter adds is multiplied by alpha / rank."""
    parts: tuple[str, ...] = ("backbone",)
    """Each linear layer in them gets an adapter."""


@dataclass(frozen=True, kw_only=True)
class LossWeights:
    """How much each task counts."""

    segmentation: float = 1.0
    class_share: tuple[float, ...] = ()
    """Share of the labelled pixels by class, in label order, any unit: rare classes count more.
    Empty: counted over the recipe's labelled images."""
    scene_segmentation: float = 0.25
    """Labels of rendered scenes: they teach geometry, not how real streets look."""
    depth: float = 1.0
    flow: float = 1.0


@dataclass(frozen=True, kw_only=True)
class MultiResolutionConfig:
    """Every crop at several resolutions in one step, each taught by the next higher one."""

    sizes: tuple[float, ...] = (0.5, 1.0, 2.0)
    """Of the copies, as factors of a crop's sides, ascending: of all that a step takes, time and
    memory grow by the sum of their squares."""
    feature_stride: Literal[4, 16] = 4
    """Of the feature map that is made consistent."""
    features: float = 1.0
    """Weight of the features' consistency, 1 in the paper. The others are ours, not ablated."""
    labels: float = 1.0
    depth: float = 0.5
    flow: float = 0.1
    """Per pixel. Flow's own errors begin at tens of pixels, and its teacher's do."""

    @property
    def cost(self) -> float:
        """Pixels of all copies, as a multiple of the crop's."""
        return sum(size**2 for size in self.sizes)

    def __post_init__(self) -> None:
        ascending = list(self.sizes) == sorted(set(self.sizes))
        if len(self.sizes) < 2 or not ascending or self.sizes[0] <= 0:
            raise ValueError(
                f"multi_resolution.sizes is {self.sizes}, expected two or more different factors "
                f"above 0 in ascending order, such as 0.5 1 2"
            )


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
    multi_resolution: MultiResolutionConfig | None = None
    """Train at several resolutions in one step. None: at that of the crops alone."""
    precision: Literal["f32", "bf16"] = "bf16"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    parallel: Literal["ddp", "fsdp"] = "ddp"
    """With several processes: whether each holds the whole model, or a part of every tensor."""
    accumulate: int = 1
    """Passes that a process takes for each batch of a step: less memory, the same gradient."""
    tokens_per_pass: int | None = None
    """Most tokens of a pass of one process: it takes as many passes as that needs."""
    compile: bool = False
    """Make kernels for the model's blocks: faster steps, after minutes at the start."""
    recompute: bool = False
    """Keep no activations inside blocks (activation checkpointing): less memory, more time."""
    threads: int | None = None
    """Of PyTorch in each process. None: one per core, divided among a machine's processes."""
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
    """What to start from: a .safetensors file of weights or a bundle's folder. What the model
    shares with it is taken over, see training.adapt.transfer."""
    freeze: tuple[str, ...] = ()
    """Parts that do not learn, such as "backbone", "neck", "flow*" or "backbone.blocks_16.0"."""
    lora: LoraConfig = field(default_factory=LoraConfig)


MAY_CHANGE = frozenset(
    (
        "summary",
        "num_steps",
        "checkpoint_every",
        "pictures_every",
        "report",
        "device",
        "parallel",
        "accumulate",
        "tokens_per_pass",
        "compile",
        "recompute",
        "threads",
        "init",
        "data.num_workers",
        "model.depth.overview_side",  # inference only
    )
)
"""What a resumed run may have otherwise than the run that it goes on with."""


def recipe_to_dict(recipe: Recipe) -> dict[str, Any]:
    """Plain values as JSON holds them."""
    plain = {**asdict(recipe), "model": config_to_dict(recipe.model)}
    values: dict[str, Any] = json.loads(json.dumps(plain))
    return values


def differences(saved: dict[str, Any], recipe: Recipe) -> list[str]:
    """Names of the values that make another run of it than the saved one.

    A value that was not there yet when the run began is taken to have been its default.

    Raises:
        ConfigError: the saved model has a field that this version does not know.
    """
    model = config_from_dict(saved["model"])
    defaults = recipe_to_dict(Recipe(name="", summary="", model=model, num_steps=0))
    old, new = _flat(defaults) | _flat(saved), _flat(recipe_to_dict(recipe))
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
