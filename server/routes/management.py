"""POST /v1/models/NAME/load and /unload: what is served, changed by hand. Off unless enabled."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.security import APIKeyHeader

from server.answers.model_schemas import ModelDetails, ModelList
from server.answers.schemas import ErrorAnswer
from server.http.admin_key import HEADER, check_admin_key
from server.roster.served_model import ServedModel
from server.routes.models import WORD, describe, list_models
from server.service import Service

Name = Annotated[str, Path(pattern=f"^{WORD}$")]
Version = Annotated[
    str | None, Query(pattern=f"^{WORD}$", description="Of the folder; else the newest, or all.")
]
_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorAnswer} for status in (401, 404, 422, 503)
}


async def _admin(request: Request) -> None:
    check_admin_key(request.headers, request.app.state.service.config.admin_key)


ADMIN_SCHEME = APIKeyHeader(name=HEADER, auto_error=False)  # for the schema; `_admin` checks
router = APIRouter(responses=_ERRORS, dependencies=[Depends(_admin), Depends(ADMIN_SCHEME)])


@router.post("/v1/models/{name}/load")
async def load(request: Request, name: Name, version: Version = None) -> ModelDetails:
    """Serve a model that lies in the model folder; answers when it is warm.

    With `version` it stays at that one, whatever comes into the folder; without, it follows the
    newest. Files that failed before are tried again. Until the new one is warm the old one serves.
    """
    service: Service = request.app.state.service
    model = await load_model(service, name, version)
    return describe(model, service.keeper.roster)


@router.post("/v1/models/{name}/unload")
async def unload(request: Request, name: Name, version: Version = None) -> ModelList:
    """Serve a model no longer, until it is loaded again or the server starts anew.

    Requests that hold it are still answered. The default model stays.
    """
    await unload_model(request.app.state.service, name, version)
    return await list_models(request)


async def load_model(service: Service, name: str, version: str | None) -> ServedModel:
    """Returns when it is warm. See Keeper.load."""
    # Shielded: a client that leaves does not stop a model from loading.
    model = await asyncio.shield(asyncio.wrap_future(service.keeper.load(name, version)))
    assert model is not None  # of a load
    return model


async def unload_model(service: Service, name: str, version: str | None) -> None:
    """See Keeper.unload."""
    await asyncio.shield(asyncio.wrap_future(service.keeper.unload(name, version)))
