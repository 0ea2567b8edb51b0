"""Start from others' weights: an encoder of theirs, a neck and heads of ours, in one file.

What can be imported and what becomes of it is in docs/import-weights.md.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from models.config import ModelConfig, VitConfig
from models.dense_model import DenseModel
from models.presets import PRESETS
from models.weights import save_weights
from training.foreign.encoder import Encoder, build_encoder
from training.foreign.errors import ForeignError
from training.foreign.patches import IMAGENET
from training.foreign.rename import Renamed, rename
from training.foreign.source import PixelScale, pixel_scale_beside, read_source

HEADS_SEED = 0
"""The neck and the heads are new, and the same in every import."""


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What an import did."""

    config: ModelConfig
    family: str
    title: str
    num_mapped: int
    """Tensors of the file that are in the encoder now."""
    resampled: tuple[str, ...]
    left_out: tuple[str, ...]
    """Names in the file that are not."""
    num_new: int
    """Parameters of neck and heads, which know nothing yet."""
    pixel_scale: PixelScale | None
    """What the encoder was trained on; None where nobody said so and ImageNet's was taken."""

    def lines(self) -> Iterator[str]:
        """For a reader."""
        encoder = self.config.backbone
        assert isinstance(encoder, VitConfig)
        yield f"{self.family}: {self.title}"
        yield (
            f"mapped: {self.num_mapped} tensors, {encoder.num_blocks} blocks of "
            f"{encoder.embed_dim} channels, {encoder.num_heads} heads"
        )
        yield from (f"resampled: {sentence}" for sentence in self.resampled)
        if self.pixel_scale is None:
            yield "pixels: ImageNet's mean and deviation assumed, as nothing says otherwise"
        else:
            yield f"pixels: mean {self.pixel_scale.mean}, deviation {self.pixel_scale.std}"
        groups = Counter(name.split(".")[0] for name in self.left_out)
        for name, count in groups.items():
            yield f"left out: {name}" + (f" ({count} tensors)" if count > 1 else "")
        yield f"new: neck and heads, {self.num_new / 1e6:.1f} M parameters"


def import_weights(
    source: Path,
    out: Path,
    *,
    rest: ModelConfig,
    num_heads: int | None = None,
    grid: tuple[int, int] | None = None,
    pixel_scale: PixelScale | None = None,
) -> Imported:
    """Write a weights file of ours whose encoder is that of a foreign file.

    Args:
        source: .safetensors, or .pth / .pt with plain values alone.
        out: ends in .safetensors.
        rest: the model that gives everything but the encoder.
        num_heads: of the encoder, where it is not known.
        grid: (rows, cols) of the table of positions, where it is not square.
        pixel_scale: of the images that the encoder was trained on. None: what a configuration
            beside the file says, or ImageNet's.

    Raises:
        ForeignError: not a file of a known family, or one that does not fit together.
    """
    if out.suffix != ".safetensors":
        raise ForeignError(f"{out}: expected a name that ends in .safetensors")
    if out.exists() and source.exists() and out.samefile(source):
        raise ForeignError(f"{out}: is the file to import from, which would be lost: name another")
    renamed = rename(read_source(source))
    known_scale = pixel_scale or pixel_scale_beside(source)
    try:
        encoder = build_encoder(
            renamed, num_heads=num_heads, grid=grid, pixel_scale=known_scale or IMAGENET
        )
    except (RuntimeError, IndexError, ValueError) as error:
        if isinstance(error, ForeignError):
            raise
        raise ForeignError(
            f"{source}: tensors of the {renamed.family.name} encoder have shapes that do not fit "
            f"together ({error}): the file is damaged, or was put together from two models"
        ) from error
    config = replace(rest, name=out.stem, backbone=encoder.config)
    model = _model(config, encoder, renamed)
    out.parent.mkdir(parents=True, exist_ok=True)
    note = f"{renamed.family.name}, from {source.name}"
    save_weights(out, config, model.state_dict(), imported=note)
    total = sum(p.numel() for p in model.parameters())
    return Imported(
        config=config,
        family=renamed.family.name,
        title=renamed.family.title,
        num_mapped=len(renamed.tensors),
        resampled=encoder.resampled,
        left_out=renamed.left_out,
        num_new=total - sum(p.numel() for p in model.backbone.parameters()),
        pixel_scale=known_scale,
    )


def preset(name: str) -> ModelConfig:
    """A ready-made model by name.

    Raises:
        ForeignError: no such model.
    """
    if name not in PRESETS:
        raise ForeignError(f"preset is {name!r}, expected one of {', '.join(sorted(PRESETS))}")
    return PRESETS[name]


def pixel_scale(
    mean: tuple[float, float, float] | None, std: tuple[float, float, float] | None
) -> PixelScale | None:
    """Both or neither.

    Raises:
        ForeignError: one of them alone, or values that are not of pixels in [0, 1].
    """
    if mean is None and std is None:
        return None
    if mean is None or std is None:
        raise ForeignError(f"mean is {mean} and std is {std}, expected both: give the other too")
    return PixelScale(mean=mean, std=std)


def _model(config: ModelConfig, encoder: Encoder, renamed: Renamed) -> DenseModel:
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(HEADS_SEED)
        model = DenseModel(config)
    _check_shapes(encoder.state, model.backbone.state_dict(), renamed)
    model.backbone.load_state_dict(encoder.state)
    return model


def _check_shapes(found: dict[str, Tensor], expected: dict[str, Tensor], renamed: Renamed) -> None:
    if surplus := sorted(found.keys() ^ expected.keys()):
        raise ForeignError(
            f"blocks of the {renamed.family.name} encoder are not alike, e.g. {surplus[:3]} is not "
            f"in all of them: only one kind of block can be imported"
        )
    for name, tensor in found.items():
        if tensor.shape != expected[name].shape:
            raise ForeignError(
                f"{name} is {tuple(tensor.shape)}, expected {tuple(expected[name].shape)} by the "
                f"other tensors of the {renamed.family.name} encoder: the file was put together "
                f"from two models"
            )
        if not bool(tensor.isfinite().all()):
            raise ForeignError(f"{name} holds values that are not finite: the file is damaged")
