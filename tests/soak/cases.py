"""Well-formed requests: a small hand of images of every kind of size, each asked for in some way.

Few enough that the answer of each is computed alone before the soak; each is then sent many times.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from models.task import Task
from server.bench.pictures import Format, Picture, draw, encode

FORMATS: tuple[Format, ...] = ("jpeg", "png", "webp")
EXTREMES = ((1, 1), (1, 2), (3, 3), (1, 12000), (12000, 1), (17, 1000), (1000, 17), (16, 16))
LARGEST_PX = 480
BOUNDARY = "soak-7d1c"

Form = Literal["json", "inline", "zip", "npz", "mixed", "png", "colour", "jpeg"]

ACCEPT: dict[Form, str] = {
    "json": "application/json",
    "inline": "application/json",
    "zip": "application/zip",
    "npz": "application/x-npz",
    "mixed": "multipart/mixed",
    "png": "image/png",
    "colour": "image/png",
    "jpeg": "image/jpeg",
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A request that has an answer."""

    name: str
    """For people: number, size, format, tasks, form. No two of a hand have the same."""
    images: tuple[Picture, ...]
    """One, or two for flow."""
    tasks: tuple[Task, ...]
    form: Form

    @property
    def request(self) -> bytes:
        """The bytes of HTTP."""
        extra = {"inline": "&inline=true", "colour": "&render=color"}.get(self.form, "")
        query = f"?tasks={','.join(self.tasks)}{extra}"
        return post(query, ACCEPT[self.form], *body_of(self.images))

    @property
    def everything(self) -> bytes:
        """The same images, with all maps as arrays: to compare with the truth."""
        return post("", ACCEPT["npz"], *body_of(self.images))


def draw_hand(*, num_cases: int, forms: tuple[Form, ...], largest_px: int, seed: int) -> list[Case]:
    """Cases; the extreme sizes come first, one each."""
    rng = np.random.default_rng(seed)
    hand = []
    for i in range(num_cases):
        size = EXTREMES[i] if i < len(EXTREMES) else _size(rng, largest_px)
        format_ = FORMATS[int(rng.integers(len(FORMATS)))]
        form = forms[int(rng.integers(len(forms)))]
        paired = bool(rng.random() < 0.3) and max(size) < 4000
        pixels = draw(rng, size)
        images: tuple[Picture, ...] = (encode(pixels, format_),)
        if paired:
            images += (encode(np.roll(pixels, 2, axis=1), format_),)
        tasks = _tasks(rng, paired=paired, one=form == "png")
        name = f"{i}: {size[0]}x{size[1]} {format_} {'+'.join(tasks)} as {form}"
        hand.append(Case(name=name, images=images, tasks=tasks, form=form))
    return hand


def body_of(images: tuple[Picture, ...]) -> tuple[str, bytes]:
    """Content-Type and body."""
    if len(images) == 1:
        return images[0].media_type, images[0].data
    parts = [
        part(name, image.data) for name, image in zip(("image", "next_image"), images, strict=True)
    ]
    return form_type(), b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def form_type() -> str:
    """Content-Type of a form."""
    return f"multipart/form-data; boundary={BOUNDARY}"


def part(name: str, data: bytes) -> bytes:
    """One field of a form."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="f"\r\n\r\n'
    return head.encode() + data + b"\r\n"


def post(query: str, accept: str, content_type: str, body: bytes, *extra: str) -> bytes:
    """A POST to /v1/predict whose connection ends with the answer."""
    lines = (
        f"POST /v1/predict{query} HTTP/1.1",
        "Host: soak",
        "Connection: close",
        f"Accept: {accept}",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
        *extra,
    )
    return "\r\n".join((*lines, "", "")).encode() + body


def _size(rng: np.random.Generator, largest_px: int) -> tuple[int, int]:
    height, width = (round(math.exp(rng.uniform(0, math.log(largest_px)))) for _ in range(2))
    return height, width


def _tasks(rng: np.random.Generator, *, paired: bool, one: bool) -> tuple[Task, ...]:
    possible = [task for task in Task if paired or task is not Task.FLOW]
    if one:
        return (possible[int(rng.integers(len(possible)))],)
    chosen = tuple(task for task in possible if rng.random() < 0.6)
    return chosen or (Task.DEPTH,)
