"""How deep below the top of an encoder each of its parameters lies.

What an encoder learned first serves every task, what it learned last serves the old ones: a
learning rate that falls with the depth keeps the former (ELECTRA, arXiv 2003.10555, section 3.1;
for vision transformers BEiT, 2106.08254).
"""

from torch import nn


def blocks_above(encoder: nn.Module) -> dict[str, int]:
    """By parameter: 0 above the last block, 1 in it, and so on to the first pixels.

    An encoder's children are made in the order of the data. Each item of its `ModuleList`s is a
    block; what lies between two blocks counts with the next one, what lies before the first is one
    deeper than that. Its own parameters, the register tokens, enter with the last list.
    """
    levels: dict[str, int] = {}
    block = first_of_list = 0
    for name, child in encoder.named_children():
        if isinstance(child, nn.ModuleList):
            first_of_list = block + 1
            for index, _ in enumerate(child):
                block += 1
                levels[f"{name}.{index}."] = block
        else:
            levels[f"{name}."] = block + 1 if block else 0
    own = {name: first_of_list for name, _ in encoder.named_parameters(recurse=False)}
    return {
        name: block + 1 - (own[name] if name in own else _level(levels, name))
        for name, _ in encoder.named_parameters()
    }


def _level(levels: dict[str, int], name: str) -> int:
    return next(level for prefix, level in levels.items() if name.startswith(prefix))
