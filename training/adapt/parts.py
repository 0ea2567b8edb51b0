"""Which parameters a word stands for: a part of a network is a dotted beginning of their names.

`backbone` is the whole encoder, `backbone.blocks_16.0` its first lookup block, and `*` stands for
anything between two dots: `flow*` is everything of flow, `backbone.*.*.mix` every such convolution.
"""

from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase


class PartError(ValueError):
    """A word that no parameter's name begins with."""


def belongs(name: str, part: str) -> bool:
    """Whether a parameter lies in a part.

    >>> belongs("backbone.blocks_16.1.mix.weight", "backbone.blocks_16.1")
    True
    >>> belongs("backbone.blocks_16.10.mix.weight", "backbone.blocks_16.1")
    False
    """
    words, found = part.split("."), name.split(".")
    return len(found) >= len(words) and all(map(fnmatchcase, found, words))


def select(names: Collection[str], parts: Iterable[str], *, what: str) -> list[str]:
    """The names that lie in any of the parts, in their own order.

    Args:
        names: of parameters.
        parts: every one must stand for something.
        what: the option that lists the parts, for the error.

    Raises:
        PartError: a part that no name lies in.
    """
    wanted = tuple(parts)
    for part in wanted:
        if not any(belongs(name, part) for name in names):
            raise PartError(
                f"{what}: no parameter lies in {part!r}, expected one of {_choices(names, part)} "
                f"or a part of them"
            )
    return [name for name in names if any(belongs(name, part) for part in wanted)]


def _choices(names: Collection[str], part: str) -> str:
    """What could stand where the part goes wrong: its siblings."""
    words = part.split(".")
    while words and not any(belongs(name, ".".join(words)) for name in names):
        words.pop()
    inside = [name for name in names if not words or belongs(name, ".".join(words))]
    near = dict.fromkeys(".".join(name.split(".")[: len(words) + 1]) for name in inside)
    return ", ".join(near)
