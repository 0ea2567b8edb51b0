"""Low-rank adapters: a small change of a large linear layer, learned beside its frozen weights.

W x + b becomes W x + b + (alpha / rank) U D x. U starts at zero, so that the first answer is the
base's to the last bit; after training U D is added to W and the adapter is gone. Written as two
products rather than as a parametrization of W (torch.nn.utils.parametrize): that one needs the
gradient of all of W in every step, and renames it.

Source: LoRA (arXiv 2106.09685), section 4.1.

Axes: c_in, c_out channels, r rank.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from training.adapt.parts import select
from training.recipe import LoraConfig

DOWN, UP = "lora_down", "lora_up"


class LoraError(ValueError):
    """Adapters that cannot be made."""


class LoraLinear(nn.Linear):
    """A linear layer with the very weights of another one, frozen, and an adapter beside them."""

    def __init__(self, base: nn.Linear, config: LoraConfig) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = base.in_features, base.out_features
        self.weight = base.weight.requires_grad_(False)
        self.bias = base.bias
        if self.bias is not None:
            self.bias.requires_grad_(False)
        down = torch.randn(config.rank, self.in_features) * self.in_features**-0.5
        self.lora_down = nn.Parameter(down)
        self.lora_up = nn.Parameter(torch.zeros(self.out_features, config.rank))
        self.factor = lora_factor(config)

    def forward(self, x: Float[Tensor, "*b c_in"]) -> Float[Tensor, "*b c_out"]:
        change = F.linear(F.linear(x, self.lora_down), self.lora_up)
        return super().forward(x) + self.factor * change


def lora_factor(config: LoraConfig) -> float:
    """What U D x is multiplied by."""
    return config.alpha / config.rank


def add_lora(model: nn.Module, config: LoraConfig) -> list[str]:
    """Give the linear layers of some parts an adapter, in place.

    Returns:
        The names of the layers.

    Raises:
        PartError: a part without any parameter.
        LoraError: a part without linear layers, or a rank below zero.
    """
    if config.rank < 0:
        raise LoraError(f"lora.rank is {config.rank}, expected 1 or more, or 0 for no adapters")
    if config.rank == 0:
        return []
    # Exactly nn.Linear: what derives from it may use its weights in another way.
    linears = {name: m for name, m in model.named_modules() if type(m) is nn.Linear}
    names = [name for name, _ in model.named_parameters()]
    for part in config.parts:
        inside = select(names, [part], what="lora.parts")
        if not any(name.removesuffix(".weight") in linears for name in inside):
            raise LoraError(
                f"lora.parts: {part!r} holds no linear layer (convolutions get no adapter): choose "
                f"another part, or train it as it is"
            )
    chosen = [
        name.removesuffix(".weight")
        for name in select(names, config.parts, what="lora.parts")
        if name.removesuffix(".weight") in linears
    ]
    for name in chosen:
        parent, _, child = name.rpartition(".")
        setattr(model.get_submodule(parent), child, LoraLinear(linears[name], config))
    return chosen


def is_adapter(name: str) -> bool:
    """Whether a parameter belongs to an adapter."""
    return name.endswith((f".{DOWN}", f".{UP}"))


def merged(state: Mapping[str, Tensor], factor: float) -> dict[str, Tensor]:
    """Parameters of the plain model that answers like the adapted one.

    Args:
        state: parameters by name, those of adapters among them; none is changed.
        factor: `lora_factor` of the adapters' config.
    """
    plain = {name: value for name, value in state.items() if not is_adapter(name)}
    for name, up in state.items():
        if name.endswith(f".{UP}"):
            layer = name.removesuffix(f".{UP}")
            # In double: one rounding, when the sum becomes a weight again.
            change = factor * (up.double() @ state[f"{layer}.{DOWN}"].double())
            weight = plain[f"{layer}.weight"]
            plain[f"{layer}.weight"] = (weight.double() + change).to(weight.dtype)
    return plain
