"""What a run resumes from: weights, their average and the optimizer's moments in one file.

A file holds whole tensors, however many processes the run had and however it was split over them,
and appears whole or not at all. The last two are kept: the older one stands in for a newer one that
a disk has damaged.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from models.config import ModelConfig
from models.weights import WeightsError, read_weights, save_weights
from training.digest import digest_of
from training.running.blocks import split_like, whole
from training.running.optimizer import Average

FORMAT: Final = 2
"""1: one file, checkpoint.safetensors, without a digest."""
FORMAT_1_NAME: Final = "checkpoint.safetensors"
NUM_KEPT: Final = 2
MOMENTS: Final = ("exp_avg", "exp_avg_sq")


class CheckpointError(ValueError):
    """A checkpoint that does not belong to the run, or none that can be read."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A run after some steps. The data of the next one follow from its number alone."""

    step: int
    """The number of steps done."""
    state: dict[str, Tensor]
    """Whole tensors on the CPU: model.*, average.*, exp_avg.*, exp_avg_sq.*, updates.*."""


def collect(
    *, model: nn.Module, average: Average, optimizer: torch.optim.Optimizer, keep: bool = True
) -> dict[str, Tensor]:
    """Copies of everything that the next step depends on, on the CPU.

    Args:
        model: in training; every process must call where it is sharded.
        average: of it.
        optimizer: of it.
        keep: whether this process wants the result; the others get nothing.
    """
    state: dict[str, Tensor] = {}

    def add(name: str, tensor: Tensor) -> None:
        joined = whole(tensor.detach())
        if keep:
            state[name] = joined.to("cpu", copy=True).contiguous()

    for name, parameter in model.named_parameters():
        add(f"model.{name}", parameter)
        add(f"average.{name}", average.state[name])
        if parameter in optimizer.state:
            for moment in MOMENTS:
                add(f"{moment}.{name}", optimizer.state[parameter][moment])
            # Fewer than the run's steps: one without a finite gradient is left out.
            add(f"updates.{name}", optimizer.state[parameter]["step"])
    return state


def restore(
    checkpoint: Checkpoint, *, model: nn.Module, average: Average, optimizer: torch.optim.Optimizer
) -> None:
    """The inverse of `collect`, in place.

    Raises:
        CheckpointError: the file holds other parameters than the run; nothing was changed.
    """
    state = checkpoint.state
    _check(state, model)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(split_like(state[f"model.{name}"], parameter))
            average.state[name].copy_(split_like(state[f"average.{name}"], average.state[name]))
            if f"exp_avg.{name}" in state:
                moments = {m: split_like(state[f"{m}.{name}"], parameter) for m in MOMENTS}
                optimizer.state[parameter] = {"step": state[f"updates.{name}"].clone(), **moments}


def write_checkpoint(folder: Path, config: ModelConfig, checkpoint: Checkpoint) -> Path:
    """Put a file into the run's folder, and remove all but the last two."""
    path = folder / f"checkpoint-{checkpoint.step:08d}.safetensors"
    notes = {
        "format": str(FORMAT),
        "step": str(checkpoint.step),
        "sha256": digest_of(checkpoint.state),
    }
    save_weights(path, config, checkpoint.state, **notes)
    for old in checkpoints_in(folder)[NUM_KEPT:]:
        old.unlink(missing_ok=True)
    return path


def checkpoints_in(folder: Path) -> list[Path]:
    """Every file of the folder that a run could resume from, the newest first."""
    pattern = re.compile(r"checkpoint-\d+\.safetensors")
    numbered = [path for path in folder.glob("checkpoint-*") if pattern.fullmatch(path.name)]
    newest_first = sorted(numbered, key=lambda path: int(path.stem.split("-")[1]), reverse=True)
    first_format = folder / FORMAT_1_NAME
    return [*newest_first, *([first_format] if first_format.is_file() else [])]


def read_newest(folder: Path, report: Callable[[str], None]) -> Checkpoint | None:
    """The newest checkpoint that can be read; None where there is no file at all.

    Args:
        folder: of the run.
        report: called with a line about each file that is damaged or of an older format.

    Raises:
        CheckpointError: none can be read, or one is of a newer format.
    """
    paths = checkpoints_in(folder)
    for path in paths:
        try:
            header, state = read_weights(path)
            _check_header(path, header, state)
        except WeightsError as error:
            report(f"{error}; going back to the checkpoint before it")
            continue
        if "format" not in header:
            report(
                f"{path.name} is of format 1: weights, average and moments go on exactly, but from "
                f"here on steps see other samples than they would have, and losses are means over "
                f"samples where they were means over pixels"
            )
        return Checkpoint(step=int(header["step"]), state=state)
    if paths:
        raise CheckpointError(
            f"{folder}: none of {', '.join(path.name for path in paths)} can be read: copy them "
            f"again, or move the folder away to start anew"
        )
    return None


def _check_header(path: Path, header: Mapping[str, str], state: dict[str, Tensor]) -> None:
    version = int(header.get("format", "1"))
    if version > FORMAT:
        raise CheckpointError(
            f"{path} is of format {version}, this version of anyres reads up to {FORMAT}: go on "
            f"with the version that wrote it"
        )
    if "step" not in header:
        raise CheckpointError(
            f"{path}: the header has no 'step', expected a checkpoint: weights alone are given to "
            f"--init"
        )
    if version > 1 and digest_of(state) != header.get("sha256"):
        raise WeightsError(f"{path}: its content is not what was written (SHA-256 differs)")


def _check(state: Mapping[str, Tensor], model: nn.Module) -> None:
    """Before anything is changed: all parameters, of the right shapes, and no others."""
    expected = {f"model.{name}": tuple(p.shape) for name, p in model.named_parameters()}
    found = {name: tuple(x.shape) for name, x in state.items() if name.startswith("model.")}
    different = sorted(
        name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)
    )
    if different:
        name = different[0]
        raise CheckpointError(
            f"the checkpoint's {name.removeprefix('model.')} is {found.get(name, 'missing')}, "
            f"expected {expected.get(name, 'none')}: it belongs to another model, choose another "
            f"output folder or move the files away to start anew"
        )
