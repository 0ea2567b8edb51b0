"""What a run resumes from: weights, their average and the optimizer's moments in one file."""

from pathlib import Path

import torch
from torch import Tensor, nn

from models.config import ModelConfig
from models.weights import read_weights, save_weights
from training.optimizer import Average


class CheckpointError(ValueError):
    """A checkpoint that does not belong to the run."""


def save_checkpoint(
    path: Path,
    *,
    config: ModelConfig,
    model: nn.Module,
    average: Average,
    optimizer: torch.optim.Optimizer,
    step: int,
) -> None:
    """Write everything that the next step depends on. Data order follows from the step alone."""
    state: dict[str, Tensor] = {}
    for name, parameter in model.named_parameters():
        state[f"model.{name}"] = parameter
        state[f"average.{name}"] = average.state[name]
        for moment in ("exp_avg", "exp_avg_sq"):
            if parameter in optimizer.state:
                state[f"{moment}.{name}"] = optimizer.state[parameter][moment]
        if parameter in optimizer.state:  # fewer than `step`: a step that is not finite is left out
            state[f"updates.{name}"] = optimizer.state[parameter]["step"]
    save_weights(path, config, state, step=str(step))


def load_checkpoint(
    path: Path, *, model: nn.Module, average: Average, optimizer: torch.optim.Optimizer
) -> int:
    """Restore a run in place.

    Returns:
        The number of steps done.

    Raises:
        CheckpointError: the file holds other parameters than the run.
    """
    header, state = read_weights(path)
    _check(path, header, state, model)
    step = int(header["step"])
    for name, parameter in model.named_parameters():
        parameter.data.copy_(state[f"model.{name}"])
        average.state[name].copy_(state[f"average.{name}"])
        if f"exp_avg.{name}" in state:
            optimizer.state[parameter] = {
                "step": state[f"updates.{name}"].clone(),
                "exp_avg": state[f"exp_avg.{name}"].to(parameter.device),
                "exp_avg_sq": state[f"exp_avg_sq.{name}"].to(parameter.device),
            }
    return step


def _check(path: Path, header: dict[str, str], state: dict[str, Tensor], model: nn.Module) -> None:
    """Before anything is changed: all parameters, of the right shapes, and no others."""
    expected = {f"model.{name}": tuple(p.shape) for name, p in model.named_parameters()}
    found = {name: tuple(x.shape) for name, x in state.items() if name.startswith("model.")}
    different = sorted(
        name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)
    )
    if different or "step" not in header:
        name = different[0] if different else "step"
        raise CheckpointError(
            f"{path}: {name.removeprefix('model.')} is {found.get(name, 'missing')}, expected "
            f"{expected.get(name, 'none')}: it belongs to another model, choose another output "
            f"folder or remove the file to start anew"
        )
