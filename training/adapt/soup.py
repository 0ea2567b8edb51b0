"""Several weights of one model averaged into one model: a model soup (arXiv 2203.05482).

It works where all come from the same start: a run and what it was fine-tuned to.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from models.weights import read_config, read_weights, save_weights


class SoupError(ValueError):
    """Weights that cannot be averaged."""


def average_files(files: Sequence[Path], shares: Sequence[float], out: Path) -> None:
    """Write the weighted mean; configuration and notes are those of the first file.

    Args:
        files: weights of the same network. What the configurations say about inference alone
            (the overview of depth) may differ.
        shares: of each file; scaled to sum to 1.
        out: receives the weights.

    Raises:
        WeightsError: a file is not one of ours.
        SoupError: fewer than two, another number of shares, or networks that differ.
    """
    if len(files) < 2 or len(files) != len(shares) or min(shares) < 0 or sum(shares) <= 0:
        raise SoupError(
            f"{len(files)} files and shares {tuple(shares)} came, expected two files or more and a "
            f"share of 0 or more for each, such as 0.7 0.3"
        )
    config = read_config(files[0])
    header, first = read_weights(files[0])
    states = [first, *(read_weights(file)[1] for file in files[1:])]
    shapes = {name: value.shape for name, value in first.items()}
    for file, state in zip(files, states, strict=True):
        found = {name: value.shape for name, value in state.items()}
        odd = sorted(name for name in shapes | found if shapes.get(name) != found.get(name))
        if odd:
            raise SoupError(
                f"{file} is another network than {files[0]}: {len(odd)} of their parameters differ "
                f"in name or shape, the first is {odd[0]}"
            )
    total = sum(shares)
    mean: dict[str, Tensor] = {}
    for name, value in first.items():
        stack = torch.stack([state[name].double() for state in states])
        weight = torch.tensor(shares, dtype=torch.float64) / total
        mean[name] = torch.tensordot(weight, stack, dims=1).to(value.dtype)
    notes = {name: text for name, text in header.items() if name != "config"}
    parts = ", ".join(f"{s / total:.3g} of {f.name}" for f, s in zip(files, shares, strict=True))
    save_weights(out, config, mean, **{**notes, "soup": parts})
