"""From a family's names to plain ones."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from training.foreign.errors import ForeignError
from training.foreign.families import find_family
from training.foreign.family import Family


@dataclass(frozen=True, kw_only=True)
class Renamed:
    """An encoder's tensors under the plain names of `Family`."""

    family: Family
    tensors: dict[str, Tensor]
    """Blocks are `blocks.<index>.`; layers end in `.weight` and `.bias`, single tensors do not."""
    num_blocks: int
    left_out: tuple[str, ...]
    """Names in the file that are not of the encoder or that a dense map does not need."""


def rename(state: dict[str, Tensor]) -> Renamed:
    """Tensors by plain name.

    Raises:
        ForeignError: an unknown family, names that it does not have, two names for one thing.
    """
    family, prefix = find_family(state)
    tensors: dict[str, Tensor] = {}
    left_out: list[str] = []
    unknown: list[str] = []
    indices: set[int] = set()
    for name, tensor in state.items():
        rest = name.removeprefix(prefix)
        if not name.startswith(prefix) or any(re.fullmatch(p, rest) for p in family.left_out):
            left_out.append(name)
            continue
        block = re.match(family.block, rest)
        if block is None:
            plain = _plain(rest, family.outside)
        else:
            indices.add(int(block["index"]))
            inner = _plain(rest[block.end() :], family.inside)
            plain = inner and f"blocks.{int(block['index'])}.{inner}"
        if plain is None:
            unknown.append(name)
        elif plain in tensors:
            raise ForeignError(
                f"{name} and another tensor are both {plain}: the file holds two encoders, "
                f"save the one to start from alone"
            )
        else:
            tensors[plain] = tensor
    if unknown:
        raise ForeignError(
            f"{len(unknown)} tensors are not of a {family.name} encoder as anyres knows it, e.g. "
            f"{', '.join(sorted(unknown)[:5])}: it would compute something else without them, so "
            f"nothing is written; remove them from the file if they are not of the encoder"
        )
    if indices != set(range(len(indices))):
        raise ForeignError(
            f"blocks {sorted(indices)} are in the file, expected 0 to {max(indices)}: a part of a "
            f"sharded checkpoint? join its parts into one file first"
        )
    return Renamed(
        family=family, tensors=tensors, num_blocks=len(indices), left_out=tuple(sorted(left_out))
    )


def _plain(name: str, names: Mapping[str, str]) -> str | None:
    """A tensor by its whole name, or a layer's weight, bias or bias mask by the layer's."""
    if name in names:
        return names[name]
    layer, _, kind = name.rpartition(".")
    if layer in names and kind in ("weight", "bias", "bias_mask"):
        return f"{names[layer]}.{kind}"
    return None
