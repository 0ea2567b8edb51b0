"""What the run was made of, value by value."""

import json
from typing import Any

from training.report_html.blocks import Block, Facts, Notice, Section
from training.report_html.contents import Contents


def recipe(contents: Contents) -> Section:
    """The resolved values of recipe.json, by group."""
    values = {} if contents.log is None else contents.log.recipe
    blocks: list[Block] = []
    if values:
        blocks = [Facts(title=title, rows=rows) for title, rows in _groups(values)]
    else:
        blocks.append(Notice(text="There is no recipe.json: only a run's folder holds its values."))
    return Section(key="recipe", title="Recipe", blocks=tuple(blocks))


def _groups(values: dict[str, Any]) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    """The values of the run itself, then those of each group within it."""
    plain = tuple((name, _text(x)) for name, x in values.items() if not isinstance(x, dict))
    groups = [("run", plain)]
    for name, inner in values.items():
        if isinstance(inner, dict):
            groups.append((name, tuple(_flat(inner))))
    return groups


def _flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, dict):
            found += _flat(value, f"{prefix}{name}.")
        else:
            found.append((prefix + name, _text(value)))
    return found


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
