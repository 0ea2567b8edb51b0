"""Values of settings that are more than a number or a word."""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode

MAX_SIDE_PX = 16384
SIZE = re.compile(r"([0-9]{1,5})x([0-9]{1,5})")


def parse_size(text: str) -> tuple[int, int]:
    """(height, width) of a text like "1080x1920".

    Raises:
        ValueError
    """
    found = SIZE.fullmatch(text)
    height, width = (int(side) for side in found.groups()) if found else (0, 0)
    if not (1 <= height <= MAX_SIDE_PX and 1 <= width <= MAX_SIDE_PX):
        raise ValueError(
            f"{text!r:.40} is no size, expected HEIGHTxWIDTH in pixels like 1080x1920, each side "
            f"from 1 to {MAX_SIDE_PX}"
        )
    return height, width


def _split(value: object) -> object:
    """Flags and variables have one text; a file has a list."""
    if isinstance(value, str):
        return [word.strip() for word in value.split(",") if word.strip()]
    return value


def _check_size(text: str) -> str:
    parse_size(text)
    return text


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
"""In flags and variables separated by commas, in a file a list."""

Sizes = Annotated[
    tuple[Annotated[str, AfterValidator(_check_size)], ...], NoDecode, BeforeValidator(_split)
]
"""Words like 1080x1920, height first."""
