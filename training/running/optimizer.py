"""AdamW: which parameters learn, how fast, and which of them decay."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from training.adapt.layer_decay import blocks_above
from training.adapt.parts import belongs, select
from training.recipe import OptimizerConfig
from training.running.blocks import local

ENCODER = "backbone"


class GroupError(ValueError):
    """Learning rates that cannot be meant."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Parameters that share a learning rate and a decay."""

    label: str
    """The parts that it holds something of."""
    names: tuple[str, ...]
    num_parameters: int
    """Numbers, not tensors."""
    rate_factor: float
    """Of the recipe's learning rate, at every step."""
    weight_decay: float


def make_optimizer(model: nn.Module, config: OptimizerConfig) -> torch.optim.AdamW:
    """Every parameter that learns in exactly one group, which knows its `rate_factor`."""
    parameters = dict(model.named_parameters())
    groups: list[dict[str, Any]] = [
        {
            "params": [parameters[name] for name in group.names],
            "weight_decay": group.weight_decay,
            "rate_factor": group.rate_factor,
        }
        for group in parameter_groups(model, config)
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.99))


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """The learning rate of the next step, times each group's own factor."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["rate_factor"]


def parameter_groups(model: nn.Module, config: OptimizerConfig) -> list[Group]:
    """Matrices decay; biases, gains and tokens do not. Parameters without a gradient are left out.

    Raises:
        PartError: a factor for a part without any parameter that learns.
        GroupError: nothing learns; a factor or a decay out of range.
    """
    learning = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if not learning:
        raise GroupError("no parameter learns, everything is frozen: free a part")
    factors = _rate_factors(model, list(learning), config)
    grouped: dict[tuple[float, float], list[str]] = {}
    for name, parameter in learning.items():
        decay = config.weight_decay if _decays(name, parameter) else 0.0
        grouped.setdefault((factors[name], decay), []).append(name)
    return [
        Group(
            label=_label(names, factors),
            names=tuple(names),
            num_parameters=sum(learning[name].numel() for name in names),
            rate_factor=factor,
            weight_decay=decay,
        )
        for (factor, decay), names in grouped.items()
    ]


def group_table(groups: Sequence[Group], learning_rate: float) -> str:
    """One line for each group: what is in it and how it learns."""
    lines = [f"{'rate':>9}  {'factor':>7}  {'decay':>6}  {'tensors':>7}  {'numbers':>11}  parts"]
    for group in sorted(groups, key=lambda g: (-g.rate_factor, -g.weight_decay)):
        lines.append(
            f"{learning_rate * group.rate_factor:>9.2e}  {group.rate_factor:>7.4g}  "
            f"{group.weight_decay:>6.4g}  {len(group.names):>7}  {group.num_parameters:>11,}  "
            f"{group.label}"
        )
    return "\n".join(lines)


def _rate_factors(model: nn.Module, names: list[str], config: OptimizerConfig) -> dict[str, float]:
    wrong = [f"{part} {factor:g}" for part, factor in config.rate_factors if not factor > 0]
    if wrong:
        raise GroupError(
            f"rate_factors has {', '.join(wrong)}, expected more than 0: what shall not learn is "
            f"listed in `freeze`"
        )
    if not 0 < config.layer_decay <= 1:
        raise GroupError(f"layer_decay is {config.layer_decay:g}, expected above 0 and up to 1")
    select(
        names,
        [part for part, _ in config.rate_factors],
        what="optimizer.rate_factors, of what learns",
    )
    factors: dict[str, float] = {}
    for name in names:
        fitting = [factor for part, factor in config.rate_factors if belongs(name, part)]
        factors[name] = fitting[-1] if fitting else 1.0
    if config.layer_decay < 1:
        depths = blocks_above(model.get_submodule(ENCODER))
        for name in names:
            if belongs(name, ENCODER):
                factors[name] *= config.layer_decay ** depths[name.removeprefix(f"{ENCODER}.")]
    return factors


def _label(names: list[str], factors: dict[str, float]) -> str:
    """Parts that lie in a group; the encoder by its pieces where they learn at several rates."""
    several = len({f for name, f in factors.items() if belongs(name, ENCODER)}) > 1
    pieces = dict.fromkeys(
        _piece(name) if several and belongs(name, ENCODER) else name.split(".")[0] for name in names
    )
    return ", ".join(pieces)


def _piece(name: str) -> str:
    """backbone.blocks_16.3 of backbone.blocks_16.3.mix.weight, backbone.stem of its weight."""
    words = name.split(".")
    return ".".join(words[: 3 if len(words) > 2 and words[2].isdigit() else 2])


def _decays(name: str, parameter: nn.Parameter) -> bool:
    """Weights that mix channels; a depthwise kernel and a stack of tokens or biases do not."""
    is_matrix = parameter.ndim >= 2 and min(parameter.shape[:2]) > 1
    return is_matrix and name.endswith("weight")


class Average:
    """Exponential moving average of weights: what is evaluated and exported.

    The decay warms up as (1 + t) / (10 + t), so that early noise is forgotten. Frozen weights are
    copied once and left alone.
    """

    def __init__(self, model: nn.Module, *, decay: float) -> None:
        self.decay = decay
        self.state = {name: p.detach().clone() for name, p in model.named_parameters()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Move towards the weights after a step."""
        decay = min(self.decay, (1 + step) / (10 + step))
        now = {name: p.data for name, p in model.named_parameters() if p.requires_grad}
        torch._foreach_lerp_(
            [local(self.state[name]) for name in now], [local(x) for x in now.values()], 1 - decay
        )
