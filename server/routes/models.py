"""GET /v1/models: what is loaded, in which engine, and why that one."""

from fastapi import APIRouter, Request

from models.task import Task
from server.answers.schemas import EngineInfo, ModelDetails, ModelList, TaskInfo
from server.roster.served_model import ServedModel
from server.service import Service

router = APIRouter()


@router.get("/v1/models")
async def list_models(request: Request) -> ModelList:
    """Empty while the model is loading."""
    service: Service = request.app.state.service
    return ModelList(models=[] if service.model is None else [describe(service.model)])


def describe(model: ServedModel) -> ModelDetails:
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
