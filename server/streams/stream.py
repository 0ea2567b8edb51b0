"""One video, frame by frame."""

import asyncio
import weakref
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from models.runtime.protocol import Features
from server.streams.turns import Turns


class Restart(StrEnum):
    """Why a frame has no flow from the one before it."""

    FIRST_FRAME = "first_frame"
    SIZE_CHANGED = "size_changed"
    MODEL_CHANGED = "model_changed"
    """Another version was loaded: its features mean something else."""


@dataclass(frozen=True, kw_only=True)
class LastFrame:
    """What the next frame needs."""

    features: Features
    size: tuple[int, int]
    model: "weakref.ref[Any]"
    """That made the features; no other can read them. A stream does not keep it from retiring."""

    @property
    def num_bytes(self) -> int:
        return sum(level.nbytes for level in self.features.levels.values())


@dataclass(frozen=True, kw_only=True)
class Start:
    """Where the flow of a frame begins."""

    features: Features | None
    restart: Restart | None
    """None if there are features."""


class Stream:
    """The last frame of one client's video. For the event loop alone."""

    def __init__(self, *, id: str, owner: str, model: str | None, now_s: float) -> None:
        self.id = id
        self.owner = owner
        """Name of the key that opened it."""
        self.model = model
        """As asked for: a name, a name@version, or None for the default."""
        self.turns = Turns()
        self.num_frames = 0
        self.last: LastFrame | None = None
        self.used_s = now_s
        self.ended = asyncio.Event()

    @property
    def is_open(self) -> bool:
        return not self.ended.is_set()

    @property
    def num_bytes(self) -> int:
        return 0 if self.last is None else self.last.num_bytes

    def start_for(self, size: tuple[int, int], model: Any) -> Start:
        """What a frame of this size begins with."""
        if self.last is None:
            return Start(features=None, restart=Restart.FIRST_FRAME)
        if self.last.model() is not model:
            return Start(features=None, restart=Restart.MODEL_CHANGED)
        if self.last.size != size:
            return Start(features=None, restart=Restart.SIZE_CHANGED)
        return Start(features=self.last.features, restart=None)
