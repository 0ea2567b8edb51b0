"""What a model is made of, as frozen values. The names of ready-made ones are in presets.py."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from models.task import CLASS_NAMES, IGNORE_INDEX, Task


class ConfigError(ValueError):
    """A model configuration that cannot be built or read."""


@dataclass(frozen=True, kw_only=True)
class LookupConfig:
    """Convolutions where detail lives, a fixed number of lookup tokens where the whole image meets.

    Sources: LookupViT (arXiv 2407.12753), UniFormer (arXiv 2201.09450); combined here.
    """

    channels: tuple[int, int, int] = (48, 96, 192)
    """Width of the maps at strides 4, 8 and 16."""
    num_blocks: tuple[int, int, int] = (1, 2, 8)
    """Local blocks at strides 4 and 8, lookup blocks at stride 16."""
    num_heads: int = 4
    num_lookup_tokens: int = 256
    """At most so many, whatever the size of the image; their grid follows its aspect ratio."""
    num_register_tokens: int = 4
    local_mlp_ratio: int = 3
    refine_mlp_ratio: int = 4
    return_mlp_ratio: int = 1


@dataclass(frozen=True, kw_only=True)
class VitConfig:
    """A plain ViT with rotary positions on the canvas (Win-Win, arXiv 2310.00632).

    What follows the register tokens is there to hold published weights exactly; the defaults are
    our own network.
    """

    embed_dim: int = 384
    num_blocks: int = 12
    num_heads: int = 6
    mlp_ratio: int = 4
    patch_size: Literal[16] = 16
    num_register_tokens: int = 4
    """Tokens without a place: registers, and the class token of weights that have one."""
    mlp: Literal["gelu", "swiglu"] = "gelu"
    """Two linear layers, or a gated unit: W2 (silu(W0 x) * W1 x) (arXiv 2002.05202)."""
    mlp_dim: int | None = None
    """Channels inside the MLP. None: mlp_ratio * embed_dim."""
    layer_scale: bool = False
    """One learned factor per channel on what each branch adds (CaiT, arXiv 2103.17239)."""
    norm_eps: float = 1e-5
    rotary: Literal["canvas", "patches", "image", "none"] = "canvas"
    """What turns queries and keys: places on the canvas with periods of 4 to 1024 patches; with
    periods by `rotary_base`, places in patches (CroCo v2) or from -1 to 1 over the image (DINOv3);
    nothing."""
    rotary_base: float = 100.0
    """Of K periods the k-th is rotary_base^(k / K) times the shortest."""
    position_grid: tuple[int, int] | None = None
    """(rows, cols) of a learned table of positions, resampled to each image. None: no table."""
    log_scale: bool = True
    """Attention follows the logarithm of the number of tokens. Published weights do without."""


@dataclass(frozen=True, kw_only=True)
class ResformerConfig:
    """A ViT that finds positions by convolution, for any size (ResFormer, arXiv 2212.00776)."""

    embed_dim: int = 384
    num_blocks: int = 12
    num_heads: int = 6
    mlp_ratio: int = 4
    patch_size: Literal[16] = 16
    num_register_tokens: int = 4


@dataclass(frozen=True, kw_only=True)
class SegmentationConfig:
    """One class per pixel."""

    class_names: tuple[str, ...] = CLASS_NAMES

    def __post_init__(self) -> None:
        number = len(self.class_names)
        if not 1 <= number <= IGNORE_INDEX or len(set(self.class_names)) != number:
            raise ConfigError(
                f"class_names are {number}, {len(set(self.class_names))} of them different, "
                f"expected 1 to {IGNORE_INDEX} different ones: labels are bytes, {IGNORE_INDEX} "
                f"stands for no class"
            )


@dataclass(frozen=True, kw_only=True)
class DepthConfig:
    """What the depth map means: an inverse depth of unknown scale and shift."""

    convention: Literal["relative_inverse_depth"] = "relative_inverse_depth"
    overview_side: int | None = None
    """Images are estimated a second time, shrunk to this longest side in pixels, a multiple of 16,
    and both estimates merged (models.heads.double_estimation). Inference only. Best about as long
    as the images that depth was learned from; None: the image alone."""

    def __post_init__(self) -> None:
        side = self.overview_side
        if side is not None and (side < 64 or side % 16):
            raise ConfigError(
                f"depth.overview_side is {side}, expected a multiple of 16 from 64 on, in pixels: "
                f"256 suits models that learned from images about that long"
            )


@dataclass(frozen=True, kw_only=True)
class FlowConfig:
    """How two frames are compared."""

    head: Literal["matching", "regression"] = "matching"
    """Coarse-to-fine matching at strides 64, 32, 16, 8 and 4; or cross-attention and convolutions,
    which take of what follows the channels, `num_context_tokens` and `num_heads` alone."""
    descriptor_channels: int = 32
    context_channels: int = 32
    hidden_channels: int = 64
    radius: int = 4
    """Reach of the local search, in cells of the level."""
    num_iterations: tuple[int, int, int, int, int] = (1, 1, 1, 2, 1)
    """Updates at strides 64, 32, 16, 8 and 4. The last costs as much as all the others together."""
    num_context_tokens: int = 1024
    """Frame 2 is read whole up to so many stride-16 cells, as area averages above."""
    num_heads: int = 2

    def __post_init__(self) -> None:
        if self.radius < 1 or min(self.num_iterations) < 1:
            raise ConfigError(
                f"flow.radius is {self.radius}, flow.num_iterations are {self.num_iterations}, "
                f"expected 1 or more of each: every level searches and updates"
            )


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """A backbone, a pyramid and the heads on it. A head that is None is not there."""

    name: str
    backbone: LookupConfig | VitConfig | ResformerConfig
    neck_channels: int = 64
    segmentation: SegmentationConfig | None = SegmentationConfig()
    depth: DepthConfig | None = DepthConfig()
    flow: FlowConfig | None = FlowConfig()

    @property
    def tasks(self) -> tuple[Task, ...]:
        """What the model answers."""
        heads = {
            Task.SEGMENTATION: self.segmentation,
            Task.DEPTH: self.depth,
            Task.FLOW: self.flow,
        }
        return tuple(task for task, head in heads.items() if head is not None)


_FAMILIES: dict[str, type] = {
    "lookup": LookupConfig,
    "vit": VitConfig,
    "resformer": ResformerConfig,
}
_HEADS: dict[str, type] = {
    "segmentation": SegmentationConfig,
    "depth": DepthConfig,
    "flow": FlowConfig,
}


def config_to_dict(config: ModelConfig) -> dict[str, Any]:
    """Plain values for JSON; the backbone's family is added under "family"."""
    family = next(name for name, kind in _FAMILIES.items() if isinstance(config.backbone, kind))
    plain = asdict(config)
    plain["backbone"] = {"family": family, **plain["backbone"]}
    return plain


def config_from_dict(plain: dict[str, Any]) -> ModelConfig:
    """The inverse of `config_to_dict`.

    Raises:
        ConfigError: an unknown family, an unknown or missing field.
    """
    values = dict(plain)
    backbone = dict(values.get("backbone") or {})
    family = backbone.pop("family", None)
    if family not in _FAMILIES:
        raise ConfigError(f"backbone family is {family!r}, expected one of {sorted(_FAMILIES)}")
    values["backbone"] = _build(_FAMILIES[family], backbone)
    for head, kind in _HEADS.items():
        if values.get(head) is not None:
            values[head] = _build(kind, values[head])
    config: ModelConfig = _build(ModelConfig, values)
    return config


def _build(kind: type, values: dict[str, Any]) -> Any:
    known = {field.name for field in fields(kind)}
    if unknown := sorted(set(values) - known):
        raise ConfigError(
            f"{kind.__name__} has no field {', '.join(unknown)}, only {', '.join(sorted(known))}: "
            f"the file was written by another version of anyres"
        )
    # JSON knows lists only; every sequence of a config is a tuple.
    plain = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    try:
        return kind(**plain)
    except TypeError as error:
        raise ConfigError(
            f"{kind.__name__} cannot be built from {sorted(values)}: {error}"
        ) from None
