"""What each model takes and gives, whether it is ready, and what it has done."""

from fastapi import APIRouter, Request

from server.kserve.catalog import ready_model, versions_of
from server.kserve.configuration import ModelConfiguration, model_configuration
from server.kserve.health import ModelReady
from server.kserve.metadata import ModelMetadata, model_metadata
from server.kserve.statistics import StatisticsList, model_statistics
from server.roster.served_model import ServedModel
from server.routes.contract import ALWAYS, WITH_A_MODEL
from server.routes.kserve.contract import MODEL, PREFIX, sentences
from server.service import Service

router = APIRouter(prefix=PREFIX)
_ERRORS = sentences(*ALWAYS, *WITH_A_MODEL)


# Before the routes with a name, one of which would take "stats" for a model.
@router.get("/models/stats", responses=sentences(*ALWAYS))
async def all_statistics(request: Request) -> StatisticsList:
    """What every model that is served has done since the server started."""
    service: Service = request.app.state.service
    return _statistics(service, list(service.keeper.roster))


@router.get(MODEL[0], responses=_ERRORS)
@router.get(MODEL[1], responses=_ERRORS)
async def metadata(request: Request, name: str, version: str | None = None) -> ModelMetadata:
    """Inputs and outputs of a model."""
    found = versions_of(request.app.state.service, name, version)
    return model_metadata(found[0], [model.version for model in found])


@router.get(f"{MODEL[0]}/ready", responses=_ERRORS)
@router.get(f"{MODEL[1]}/ready", responses=_ERRORS)
async def model_ready(request: Request, name: str, version: str | None = None) -> ModelReady:
    """200 while requests for this model are taken."""
    model = ready_model(request.app.state.service, name, version)
    return ModelReady(name=model.name, ready=True)


@router.get(f"{MODEL[0]}/config", responses=_ERRORS)
@router.get(f"{MODEL[1]}/config", responses=_ERRORS)
async def configuration(
    request: Request, name: str, version: str | None = None
) -> ModelConfiguration:
    """A model in the words of Triton's configuration, as far as there are any."""
    service: Service = request.app.state.service
    return model_configuration(versions_of(service, name, version)[0], service.config)


@router.get(f"{MODEL[0]}/stats", responses=_ERRORS)
@router.get(f"{MODEL[1]}/stats", responses=_ERRORS)
async def statistics(request: Request, name: str, version: str | None = None) -> StatisticsList:
    """What a model has done since the server started, by /v1 and by /v2."""
    service: Service = request.app.state.service
    return _statistics(service, versions_of(service, name, version))


def _statistics(service: Service, models: list[ServedModel]) -> StatisticsList:
    tally = service.telemetry.statistics.of
    return StatisticsList(
        model_stats=[model_statistics(one, tally(one.name, one.version)) for one in models]
    )
