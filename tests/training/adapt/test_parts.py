"""A part is a dotted beginning of parameters' names, and one that is not there is refused."""

import pytest

from training.adapt.parts import PartError, belongs, select

NAMES = [
    "backbone.stem.weight",
    "backbone.blocks.1.mix.weight",
    "backbone.blocks.10.mix.weight",
    "flow_encoder.norm.weight",
    "flow_head.head.bias",
]


@pytest.mark.parametrize(
    ("part", "found"),
    [
        ("backbone", [0, 1, 2]),
        ("backbone.blocks.1", [1]),
        ("backbone.blocks.*.mix", [1, 2]),
        ("flow*", [3, 4]),
        ("flow_head.head.bias", [4]),
        ("backbone.stem.weight.more", []),
        ("back", []),
    ],
)
def test_a_part_holds_what_begins_with_it(part: str, found: list[int]) -> None:
    assert [i for i, name in enumerate(NAMES) if belongs(name, part)] == found


def test_parts_are_selected_in_the_order_of_the_names_and_once() -> None:
    chosen = select(NAMES, ["flow*", "backbone.stem", "flow_head"], what="freeze")
    assert chosen == [NAMES[0], NAMES[3], NAMES[4]]


def test_a_part_of_nothing_is_refused_with_what_could_stand_there() -> None:
    with pytest.raises(
        PartError,
        match=r"freeze: no parameter lies in 'flow', expected one of backbone, flow_encoder",
    ):
        select(NAMES, ["backbone", "flow"], what="freeze")
    with pytest.raises(
        PartError, match=r"one of backbone\.blocks\.1, backbone\.blocks\.10 or a part of them"
    ):
        select(NAMES, ["backbone.blocks.7"], what="freeze")
