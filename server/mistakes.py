"""What is wrong with a value that pydantic refused, in our own words."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic_core import ErrorDetails

MAX_CAME_CHARS = 80

_KINDS: Mapping[str, str] = {
    "bool": "true or false",
    "bytes": "bytes",
    "dict": "an object",
    "finite_number": "a finite number",
    "float": "a number",
    "int": "a whole number",
    "list": "a list",
    "model": "an object",
    "path": "a path",
    "string": "a text",
    "tuple": "a list",
}
"""By what the type of a problem begins with; behind it stands how it failed."""
_BOUNDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "enum": lambda c: _unquoted(c["expected"]),
    "greater_than": lambda c: f"a number greater than {c['gt']:g}",
    "greater_than_equal": lambda c: f"a number of at least {c['ge']:g}",
    "less_than": lambda c: f"a number less than {c['lt']:g}",
    "less_than_equal": lambda c: f"a number of at most {c['le']:g}",
    "literal_error": lambda c: _unquoted(c["expected"]),
    "string_pattern_mismatch": lambda c: f"a text that matches {c['pattern']}",
    "string_too_long": lambda c: f"at most {c['max_length']} characters",
    "string_too_short": lambda c: f"at least {c['min_length']} characters",
    "too_long": lambda c: f"at most {c['max_length']} items",
    "too_short": lambda c: f"at least {c['min_length']} items",
}


def mistake(name: str, problem: ErrorDetails) -> str:
    """What came and what was expected.

    >>> from pydantic import TypeAdapter, ValidationError
    >>> try:
    ...     TypeAdapter(int).validate_python("abc")
    ... except ValidationError as error:
    ...     mistake("port", error.errors()[0])
    "port is 'abc', expected a whole number"

    Args:
        name: of the value, as its sender knows it; empty: of several values together.
        problem: one of pydantic's `errors()`, with its context.
    """
    kind, context = problem["type"], problem.get("ctx", {})
    if kind == "value_error":  # a validator of ours, whose sentence says what came
        return f"{name}: {context['error']}" if name else str(context["error"])
    came = f"{name} is {repr(problem['input'])[:MAX_CAME_CHARS]}"
    if kind in _BOUNDS:
        return f"{came}, expected {_BOUNDS[kind](context)}"
    for beginning, expected in _KINDS.items():
        if kind == beginning or kind.startswith(f"{beginning}_"):
            return f"{came}, expected {expected}"
    return f"{came}, which cannot be taken ({kind})"


def _unquoted(choices: str) -> str:
    """'a', 'b' or 'c' without the quotes."""
    return choices.replace("'", "")
