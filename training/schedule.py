"""Learning rate as a pure function of the step."""

import math
from typing import Literal

Shape = Literal["cosine", "rsqrt"]


def rate_factor(
    step: int, *, num_steps: int, warmup_steps: int, shape: Shape, cooldown_share: float = 0.2
) -> float:
    """Share of the peak learning rate at a step, in [0, 1].

    cosine: linear warm-up, then half a cosine to zero. rsqrt: linear warm-up, then
    sqrt(warm-up / step), then a linear cool-down to zero over the last share of the steps, so that
    a run can be prolonged from before its cool-down (Scaling ViT, arXiv 2106.04560, section 3.5).
    """
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    if shape == "cosine":
        done = (step - warmup_steps) / max(num_steps - warmup_steps, 1)
        return 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
    decay = math.sqrt(max(warmup_steps, 1) / max(step, 1))
    left = (num_steps - step) / max(cooldown_share * num_steps, 1)
    return decay * min(max(left, 0.0), 1.0)
