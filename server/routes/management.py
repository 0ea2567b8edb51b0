"""POST /v1/models/NAME/load and /unload: what is served, changed by hand. Off unless enabled."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.security import APIKeyHeader

from server.answers.schemas import ErrorAnswer, ModelDetails, ModelList
from server.http.admin_key import HEADER, check_admin_key
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


_scheme = APIKeyHeader(name=HEADER, auto_error=False)  # for the schema; `_admin` checks
router = APIRouter(responses=_ERRORS, dependencies=[Depends(_admin), Depends(_scheme)])


@router.post("/v1/models/{name}/load")
async def load(request: Request, name: Name, version: Version = None) -> ModelDetails:
    """Serve a model that lies in the model folder; answers when it is warm.

    With `version` it stays at that one, whatever comes into the folder; without, it follows the
    newest. Files that failed before are tried again. Until the new one is warm the old one serves.
    """
    service: Service = request.app.state.service
    # Shielded: a client that leaves does not stop a model from loading.
    model = await asyncio.shield(asyncio.wrap_future(service.keeper.load(name, version)))
    assert model is not None  # of a load
    return describe(model, service.keeper.roster)


@router.post("/v1/models/{name}/unload")
async def unload(request: Request, name: Name, version: Version = None) -> ModelList:
    """Serve a model no longer, until it is loaded again or the server starts anew.

    Requests that hold it are still answered. The default model stays.
    """
    service: Service = request.app.state.service
    await asyncio.shield(asyncio.wrap_future(service.keeper.unload(name, version)))
    return await list_models(request)
