"""Every way in which pydantic refuses a value has a sentence of ours."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Len
from pydantic import AfterValidator, BaseModel, Field, TypeAdapter, ValidationError

from server.mistakes import mistake


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Box(BaseModel):
    side: int


def even(value: int) -> int:
    if value % 2:
        raise ValueError(f"{value} is odd, expected an even number")
    return value


def sentence(kind: Any, value: object, *, name: str = "it") -> str:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(kind).validate_python(value)
    return mistake(name, refused.value.errors()[0])


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (int, "abc", "it is 'abc', expected a whole number"),
        (int, 0.5, "it is 0.5, expected a whole number"),
        (int, "1" * 5000, f"it is '{'1' * 79}, expected a whole number"),
        (float, "abc", "it is 'abc', expected a number"),
        (Annotated[float, Field(allow_inf_nan=False)], "nan", "it is 'nan', expected a finite"),
        (bool, "maybe", "it is 'maybe', expected true or false"),
        (str, 3, "it is 3, expected a text"),
        (bytes, 3, "it is 3, expected bytes"),
        (list[int], 3, "it is 3, expected a list"),
        (tuple[int, ...], 3, "it is 3, expected a list"),
        (dict[str, int], 3, "it is 3, expected an object"),
        (Box, None, "it is None, expected an object"),
        (Path, 3, "it is 3, expected a path"),
        (Literal["a", "b", "c"], "d", "it is 'd', expected a, b or c"),
        (Colour, "green", "it is 'green', expected red or blue"),
        (Annotated[int, Field(gt=0)], 0, "it is 0, expected a number greater than 0"),
        (Annotated[int, Field(ge=1)], 0, "it is 0, expected a number of at least 1"),
        (Annotated[int, Field(lt=9)], 9, "it is 9, expected a number less than 9"),
        (Annotated[float, Field(le=0.5)], 9, "it is 9, expected a number of at most 0.5"),
        (
            Annotated[str, Field(pattern="^a+$")],
            "b",
            "it is 'b', expected a text that matches ^a+$",
        ),
        (Annotated[str, Len(2)], "b", "it is 'b', expected at least 2 characters"),
        (Annotated[str, Len(0, 2)], "bbb", "it is 'bbb', expected at most 2 characters"),
        (Annotated[list[int], Len(1)], [], "it is [], expected at least 1 items"),
        (Annotated[list[int], Len(0, 1)], [1, 2], "it is [1, 2], expected at most 1 items"),
        (Annotated[int, AfterValidator(even)], 3, "it: 3 is odd, expected an even number"),
        (complex, "x", "it is 'x', which cannot be taken (complex"),
    ],
)
def test_a_mistake_is_told_in_our_words(kind: Any, value: object, expected: str) -> None:
    assert sentence(kind, value).startswith(expected)


def test_of_several_values_together_the_validators_sentence_is_all() -> None:
    odd = "3 is odd, expected an even number"
    assert sentence(Annotated[int, AfterValidator(even)], 3, name="") == odd
