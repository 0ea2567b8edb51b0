"""JSON becomes a dataclass exactly, or says where it does not fit."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from models.record import RecordError, read_record


@dataclass(frozen=True, kw_only=True)
class Point:
    name: str
    at: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Drawing:
    points: tuple[Point, ...]
    weights: Mapping[str, float]
    title: str | None
    visible: bool
    count: int


GOOD = {
    "points": [{"name": "a", "at": [1, 2.5]}],
    "weights": {"a": 3},
    "title": None,
    "visible": True,
    "count": 1,
}


def test_every_kind_of_field_is_read() -> None:
    assert read_record(Drawing, GOOD, where="x") == Drawing(
        points=(Point(name="a", at=(1.0, 2.5)),),
        weights={"a": 3.0},
        title=None,
        visible=True,
        count=1,
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"count": 1.0}, r"^x: count: is 1\.0, expected <class 'int'>$"),
        ({"count": True}, "x: count: is True"),
        ({"visible": 1}, "x: visible: is 1"),
        ({"title": 3}, "x: title: is 3"),
        ({"weights": {"a": float("inf")}}, "x: weights: a: is inf"),
        ({"points": {}}, "x: points: is {}"),
        ({"points": [{"name": "a", "at": [1]}]}, r"x: points\[0\]: at: is \[1\]"),
        ({"points": [{"name": "a"}]}, r"x: points\[0\]: .* lacks \['at'\]"),
        ({"colour": 1}, r"x: has too many \['colour'\]"),
    ],
)
def test_what_does_not_fit_is_named_by_its_place(changes: dict[str, object], message: str) -> None:
    with pytest.raises(RecordError, match=message):
        read_record(Drawing, GOOD | changes, where="x")
