"""Frozen dataclasses from JSON, exactly as their annotations say. No torch.

Understands dataclasses, `tuple[X, ...]`, `tuple[X, Y]`, `Mapping[str, X]`, `X | None`, str, int,
float and bool. Nothing is converted but whole numbers to floats, nothing is left out or added.
"""

import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

T = TypeVar("T")


class RecordError(ValueError):
    """JSON that does not fit, named by its place."""


def read_record(kind: type[T], value: object, *, where: str) -> T:
    """The dataclass `kind` from what `json.loads` returned.

    Args:
        where: what the place of a mistake is named from: "bundle.json: depth: unit".

    Raises:
        RecordError: a wrong type, a missing or an unknown key. What a dataclass's own
            `__post_init__` raises passes through.
    """
    record: T = _build(kind, value, where)
    return record


def _build(kind: Any, value: object, where: str) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType:  # only ever `X | None`
        return None if value is None else _build(arguments[0], value, where)
    if is_dataclass(kind) and isinstance(value, dict):
        hints = typing.get_type_hints(kind)
        names = {item.name for item in fields(kind)}
        if set(value) != names:
            raise RecordError(
                f"{where}: has too many {sorted(set(value) - names)} and lacks "
                f"{sorted(names - set(value))}"
            )
        parts = {n: _build(hints[n], value[n], f"{where}: {n}") for n in sorted(names)}
        return typing.cast(Any, kind)(**parts)
    if origin is tuple and isinstance(value, list):
        if arguments[-1] is Ellipsis:
            arguments = (arguments[0],) * len(value)
        if len(arguments) == len(value):
            pairs = enumerate(zip(arguments, value, strict=True))
            return tuple(_build(a, v, f"{where}[{i}]") for i, (a, v) in pairs)
    if origin is Mapping and isinstance(value, dict):
        return {n: _build(arguments[1], v, f"{where}: {n}") for n, v in value.items()}
    # The bound refuses NaN, infinities and whole numbers that no float can hold.
    if kind is float and type(value) in (int, float) and abs(typing.cast(float, value)) <= 1e300:
        return float(typing.cast(float, value))
    if kind in (str, int, bool) and type(value) is kind:  # type(): True is an int for isinstance
        return value
    raise RecordError(f"{where}: is {value!r:.80}, expected {kind}")
