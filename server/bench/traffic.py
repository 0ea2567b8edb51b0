"""What a load consists of: sizes, formats, tasks, forms of the answer, clients that leave.

A fixed deck of shots is encoded before anything is measured and drawn from while it is: the
machine that sends should not spend its time on encoding.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlencode

import numpy as np

from models.task import Task
from server.bench.pictures import Format, Picture, draw, encode, read_folder
from server.errors import Unusable

Answer = Literal["json", "zip", "npz", "raw", "png", "jpeg"]

ANSWERS: dict[Answer, str] = {
    "json": "application/json",
    "zip": "application/zip",
    "npz": "application/x-npz",
    "raw": "multipart/mixed",
    "png": "image/png",
    "jpeg": "image/jpeg",
}


@dataclass(frozen=True, kw_only=True)
class SizeRange:
    """Sides drawn evenly on a logarithmic scale; equal ends are one size."""

    least: tuple[int, int]
    most: tuple[int, int]

    def draw(self, rng: np.random.Generator) -> tuple[int, int]:
        """(height, width)."""
        height, width = (
            round(math.exp(rng.uniform(math.log(low), math.log(high))))
            for low, high in zip(self.least, self.most, strict=True)
        )
        return height, width


@dataclass(frozen=True, kw_only=True)
class Mix:
    """Each request takes one of every list, each as likely as the next. Repeat one for weight."""

    sizes: Sequence[SizeRange]
    formats: Sequence[Format] = ("jpeg",)
    tasks: Sequence[tuple[Task, ...] | None] = (None,)
    """None leaves them to the server."""
    answers: Sequence[Answer] = ("zip",)
    pairs: float = 0.0
    """Share of requests with a next_image."""
    folder: Path | None = None
    """Its images in place of drawn ones; sizes and formats are then theirs."""


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One request, ready to send."""

    picture: Picture
    next_picture: Picture | None
    tasks: tuple[Task, ...] | None
    answer: Answer

    @property
    def num_pixels(self) -> int:
        return self.picture.num_pixels * (1 if self.next_picture is None else 2)

    @property
    def query(self) -> str:
        """For the URL, with its question mark; empty if all is left to the server."""
        return "" if self.tasks is None else "?" + urlencode({"tasks": ",".join(self.tasks)})


def parse_sizes(text: str) -> SizeRange:
    """A size "HxW" or a range "HxW..HxW".

    Raises:
        Unusable

    >>> parse_sizes("64x64..1080x1920").most
    (1080, 1920)
    """
    first, _, last = text.partition("..")
    try:
        least, most = _size(first), _size(last or first)
    except ValueError:
        least, most = (0, 0), (0, 0)
    if min(*least, *most) < 1 or least[0] > most[0] or least[1] > most[1]:
        raise Unusable(f"size is {text!r}, expected HxW or HxW..HxW, like 64x64..1080x1920")
    return SizeRange(least=least, most=most)


def parse_tasks(text: str) -> tuple[Task, ...] | None:
    """Tasks joined with "+", or "all" for what the server has.

    Raises:
        Unusable
    """
    if text == "all":
        return None
    known = {task.value: task for task in Task}
    names = text.split("+")
    if not set(names) <= set(known):
        raise Unusable(f"tasks is {text!r}, expected all, or some of {'+'.join(known)}")
    return tuple(known[name] for name in names)


def make_deck(mix: Mix, *, num_shots: int, seed: int) -> list[Shot]:
    """Shots in random order, the same ones for the same seed.

    Raises:
        Unusable: a folder without images.
    """
    rng = np.random.default_rng(seed)
    files = None if mix.folder is None else read_folder(mix.folder)
    deck = []
    for i in range(num_shots):
        tasks = mix.tasks[int(rng.integers(len(mix.tasks)))]
        answer = mix.answers[int(rng.integers(len(mix.answers)))]
        wants_pair = rng.random() < mix.pairs or (tasks is not None and Task.FLOW in tasks)
        if files is not None:
            picture = files[i % len(files)]
            following = picture
        else:
            format_ = mix.formats[int(rng.integers(len(mix.formats)))]
            size = mix.sizes[int(rng.integers(len(mix.sizes)))].draw(rng)
            pixels = draw(rng, size)
            picture = encode(pixels, format_)
            following = encode(np.roll(pixels, 3, axis=1), format_) if wants_pair else picture
        deck.append(
            Shot(
                picture=picture,
                next_picture=following if wants_pair else None,
                tasks=tasks,
                answer=answer,
            )
        )
    return deck


def _size(text: str) -> tuple[int, int]:
    height, width = text.split("x")
    return int(height), int(width)
