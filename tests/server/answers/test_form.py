"""Forms that cannot hold what was asked for are refused before anything is computed."""

from typing import Any

import pytest

from models.task import Task
from server.answers.depth_choice import DepthChoice
from server.answers.form import Form, Render, check_form
from server.answers.negotiation import Media
from server.codecs.raw_arrays import Dtype
from server.errors import Unusable
from tests.toy_bundle import toy_bundle

ALL, DEPTH = tuple(Task), (Task.DEPTH,)


@pytest.mark.parametrize(
    ("tasks", "asked", "message"),
    [
        (ALL, {"media": Media.PNG}, "a data PNG holds one map, 3 were asked for"),
        (ALL, {"media": Media.NPZ, "render": Render.COLOR}, "x-npz holds numbers, not colours"),
        (ALL, {"media": Media.MULTIPART, "render": Render.OVERLAY}, "leave render=overlay out"),
        (
            ALL,
            {"media": Media.JPEG, "render": Render.DATA},
            "numbers, which image/jpeg would change",
        ),
        (
            DEPTH,
            {"media": Media.JPEG, "render": Render.DATA},
            "x-npz, multipart/mixed, image/png, or",
        ),
        (ALL, {"media": Media.ZIP, "inline": True}, "inline=true puts PNGs into application/json"),
        (ALL, {"media": Media.ZIP, "dtype": Dtype.FLOAT16}, "dtype=float16 is for arrays"),
        (DEPTH, {"media": Media.PNG, "uncertainty": True}, "uncertainty=true adds maps"),
        (ALL, {"media": Media.JPEG, "uncertainty": True}, "image/jpeg with render=color"),
        (ALL, {"media": Media.JSON, "uncertainty": True}, "inline=false has no place for them"),
        (DEPTH, {"media": Media.ZIP, "depth": DepthChoice.METRIC}, "depth=metric was asked for"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_way_out(
    tasks: tuple[Task, ...], asked: dict[str, Any], message: str
) -> None:
    with pytest.raises(Unusable, match=message):
        check_form(Form(**asked), tasks, toy_bundle())


@pytest.mark.parametrize(
    ("tasks", "asked"),
    [
        (DEPTH, {"media": Media.PNG}),
        (ALL, {"media": Media.PNG, "render": Render.OVERLAY}),
        (ALL, {"media": Media.JPEG}),
        (ALL, {"media": Media.JPEG, "uncertainty": False}),
        (ALL, {"media": Media.ZIP, "uncertainty": True}),
        (ALL, {"media": Media.JSON, "inline": True, "uncertainty": True}),
        (ALL, {"media": Media.MULTIPART, "dtype": Dtype.FLOAT32, "depth": DepthChoice.RELATIVE}),
        ((Task.SEGMENTATION,), {"media": Media.ZIP, "depth": DepthChoice.METRIC}),
    ],
)
def test_what_fits_is_let_through(tasks: tuple[Task, ...], asked: dict[str, Any]) -> None:
    check_form(Form(**asked), tasks, toy_bundle())


def test_what_is_left_open_depends_on_the_form() -> None:
    found = {
        media: (Form(media=media).has_uncertainty, Form(media=media).array_dtype.value)
        for media in (Media.NPZ, Media.MULTIPART)
    }
    assert found == {Media.NPZ: (True, "float32"), Media.MULTIPART: (True, "float16")}
    assert not Form(media=Media.ZIP).has_uncertainty
    assert Form(media=Media.JPEG).shown is Render.COLOR
    assert Form(media=Media.JPEG, render=Render.OVERLAY).shown is Render.OVERLAY
    assert Form(media=Media.PNG).shown is Render.DATA
    assert Form(media=Media.PNG, render=Render.COLOR).shown is Render.COLOR
