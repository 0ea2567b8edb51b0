"""The JSON about models, as OpenAPI sees it."""

from typing import Literal

from pydantic import BaseModel

from server.answers.schemas import Colour


class TaskInfo(BaseModel):
    """One thing that a model predicts."""

    task: str
    unit: str
    classes: list[str] | None = None
    palette: list[Colour] | None = None
    convention: str | None = None
    near_is_large: bool | None = None


class EngineInfo(BaseModel):
    """What runs the model, and why."""

    name: str
    version: str
    precisions: dict[str, str]
    threads: int
    reason: str


class ModelDetails(BaseModel):
    """A model that is loaded."""

    name: str
    version: str
    description: str
    licence: str
    tasks: list[TaskInfo]
    engine: EngineInfo
    max_mpx: float
    min_side_px: int
    max_side_px: int
    stride: int
    recipe: str
    scores: dict[str, float]
    default: bool
    """Whether it answers requests that name no model."""
    load_s: float
    """Reading, checking, loading, warming up."""
    warm_up: list[tuple[int, int]]
    """Sizes that every graph ran at before it was ready."""


class ModelTrouble(BaseModel):
    """A model that does not take requests."""

    model: str
    """"name", "name@version", or a path below the model folder."""
    state: Literal["loading", "failed", "retiring", "resting"]
    reason: str


class ModelList(BaseModel):
    """All models that are loaded, and those that are not."""

    models: list[ModelDetails]
    others: list[ModelTrouble] = []
    """Loading; failed, and why, while an older version may go on; replaced but still answering;
    resting in the model folder, and why: older versions, newer than the one that was asked for."""
