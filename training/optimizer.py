"""AdamW with weight decay on matrices alone."""

import torch
from torch import nn

from training.blocks import local


def make_optimizer(
    model: nn.Module, *, learning_rate: float, weight_decay: float
) -> torch.optim.AdamW:
    """Every parameter in exactly one group: matrices decay; biases, gains and tokens do not."""
    matrices = [p for name, p in model.named_parameters() if _decays(name, p)]
    rest = [p for name, p in model.named_parameters() if not _decays(name, p)]
    groups = [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": rest, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.99))


def _decays(name: str, parameter: nn.Parameter) -> bool:
    """Weights that mix channels; a depthwise kernel and a stack of tokens or biases do not."""
    is_matrix = parameter.ndim >= 2 and min(parameter.shape[:2]) > 1
    return is_matrix and name.endswith("weight")


class Average:
    """Exponential moving average of weights: what is evaluated and exported.

    The decay warms up as (1 + t) / (10 + t), so that early noise is forgotten.
    """

    def __init__(self, model: nn.Module, *, decay: float) -> None:
        self.decay = decay
        self.state = {name: p.detach().clone() for name, p in model.named_parameters()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Move towards the weights after a step."""
        decay = min(self.decay, (1 + step) / (10 + step))
        names = list(self.state)
        now = dict(model.named_parameters())
        torch._foreach_lerp_(
            [local(self.state[n]) for n in names], [local(now[n].data) for n in names], 1 - decay
        )
