"""GET /v1/models: what is loaded, in which engine, and why that one; and what is not, and why."""

from typing import Annotated

from fastapi import APIRouter, Path, Request

from models.task import Task
from server.answers.model_schemas import (
    EngineInfo,
    ModelDetails,
    ModelList,
    ModelTrouble,
    TaskInfo,
)
from server.answers.schemas import ErrorAnswer
from server.roster.keeper import Keeper
from server.roster.roster import Roster
from server.roster.served_model import ServedModel
from server.roster.troubles import Trouble

router = APIRouter()

WORD = r"[A-Za-z0-9._-]{1,64}"
SPEC = rf"^{WORD}(@{WORD})?$"


@router.get("/v1/models")
async def list_models(request: Request) -> ModelList:
    """Those that take requests, and under `others` those that do not (yet, any more, or unless
    they are loaded)."""
    keeper = request.app.state.service.keeper
    return ModelList(
        models=[describe(model, keeper.roster) for model in keeper.roster],
        others=[
            ModelTrouble(model=one.model, state=one.state, reason=one.reason)
            for one in _others(keeper)
        ],
    )


@router.get("/v1/models/{spec}", responses={404: {"model": ErrorAnswer}})
async def get_model(request: Request, spec: Annotated[str, Path(pattern=SPEC)]) -> ModelDetails:
    """One model: `name` is its newest version that is served, `name@version` that one."""
    roster = request.app.state.service.keeper.roster
    return describe(roster.find(spec), roster)


def _others(keeper: Keeper) -> list[Trouble]:
    troubles = keeper.troubles
    known = {one.model for one in troubles}  # one that rests now may have left a moment ago
    return [*troubles, *(one for one in keeper.resting if one.model not in known)]


def describe(model: ServedModel, roster: Roster) -> ModelDetails:
    """A loaded model as JSON."""
    bundle, runtime = model.bundle, model.selection.runtime
    return ModelDetails(
        name=bundle.name,
        version=bundle.version,
        description=bundle.description,
        licence=bundle.licence,
        tasks=[_describe_task(task, model) for task in model.tasks],
        engine=EngineInfo(
            name=runtime.name,
            version=runtime.version,
            precisions=dict(runtime.precisions),
            threads=model.selection.threads,
            reason=model.selection.reason,
        ),
        max_mpx=model.max_pixels / 1e6,
        min_side_px=bundle.size_limits.min_side,
        max_side_px=bundle.size_limits.max_side,
        stride=bundle.stride,
        recipe=bundle.training.recipe,
        scores=dict(bundle.scores),
        default=model is roster.default,
        load_s=model.loaded.load_s,
        warm_up=list(model.loaded.warm_up_sizes),
    )


def _describe_task(task: Task, model: ServedModel) -> TaskInfo:
    bundle = model.bundle
    if task is Task.SEGMENTATION:
        return TaskInfo(
            task=task,
            unit="class index",
            classes=list(bundle.class_names),
            palette=list(bundle.palette),
        )
    if task is Task.DEPTH:
        assert bundle.depth is not None  # read_bundle checked it
        return TaskInfo(
            task=task,
            unit=bundle.depth.unit,
            convention=bundle.depth.convention,
            near_is_large=bundle.depth.near_is_large,
        )
    return TaskInfo(task=task, unit="px")
