"""Every setting with its value, where that comes from, and what it means."""

import inspect
import json
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr
from pydantic_settings import BaseSettings

from server.settings.file import FILE_SETTING

WIDTH = 100
SECRET = "(set, not shown)"


@dataclass(frozen=True, kw_only=True)
class Line:
    """One setting."""

    group: str
    name: str
    value: Any
    default: Any
    source: str
    """"default", "flag --port", "ANYRES_PORT" or the file."""
    meaning: str


def list_settings(
    settings: BaseSettings, cls: type[BaseSettings], sources: Mapping[str, str]
) -> Iterator[Line]:
    """In the order of the groups: the base classes of `cls` that have settings of their own.

    Args:
        settings: as resolved; may be of a class that adds to `cls`.
        cls: whose settings are listed.
        sources: by name of setting, of those that somebody set.
    """
    for group in _groups(cls):
        for name, field in group.model_fields.items():
            if name not in group.__annotations__:
                continue
            yield Line(
                group=(group.__doc__ or "").partition("\n")[0].rstrip("."),
                name=name,
                value=getattr(settings, name),
                default=field.get_default(),
                source=sources.get(name, "default"),
                meaning=inspect.cleandoc(field.description or ""),
            )


def as_text(lines: Iterable[Line]) -> str:
    """For people: a block for each group."""
    blocks: list[str] = []
    group = ""
    for line in lines:
        if line.group != group:
            group = line.group
            blocks.append(f"# {group}\n")
        blocks.append(f"{line.name} = {_shown(line.value)}    [{line.source}]")
        blocks.append(f"{_wrapped(line.meaning, '    ')}\n")
    return "\n".join(blocks)


def as_toml(lines: Iterable[Line]) -> str:
    """A file that `--config` reads: what somebody set is there, defaults are comments.

    Secrets are left out; a value that TOML cannot hold (none) is a comment too.
    """
    parts = ["# Settings of `python -m server`. Flags and ANYRES_* variables win over this file.\n"]
    group = ""
    for line in lines:
        if line.name == FILE_SETTING:
            continue
        if line.group != group:
            group = line.group
            parts.append(f"\n# --- {group} ---\n")
        parts.append(_wrapped(line.meaning, "# "))
        if isinstance(line.value, SecretStr) or line.value is None:
            remark = SECRET if isinstance(line.value, SecretStr) else "not set"
            parts.append(f'#{line.name} = ""  # {remark}\n')
        else:
            mark = "#" if line.source == "default" else ""
            parts.append(f"{mark}{line.name} = {_toml(line.value)}\n")
    return "\n".join(parts)


def _groups(settings: type[BaseSettings]) -> list[type[BaseSettings]]:
    """Base classes that have settings of their own, those with the most basic ones first."""
    return [
        cls
        for cls in reversed(settings.__mro__)
        if issubclass(cls, BaseSettings)
        and cls is not BaseSettings
        and "__annotations__" in vars(cls)
    ]


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return SECRET
    return "none" if value is None else _toml(value)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, tuple | list):
        return f"[{', '.join(_toml(one) for one in value)}]"
    # A JSON string is a basic string of TOML but for DEL, which TOML wants escaped.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def _wrapped(text: str, indent: str) -> str:
    return textwrap.fill(
        " ".join(text.split()), WIDTH, initial_indent=indent, subsequent_indent=indent
    )
