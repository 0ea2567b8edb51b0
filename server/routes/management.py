"""POST /v1/models/NAME/load and /unload: what is served, changed by hand.

Off unless enabled; then the routes say so, and how to enable them.
"""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.security import APIKeyHeader

from server.answers.model_schemas import ModelDetails, ModelList
from server.errors import Forbidden
from server.http.admin_key import HEADER, check_admin_key
from server.roster.served_model import ServedModel
from server.routes.contract import ALWAYS, WITH_A_MODEL, errors
from server.routes.models import WORD, describe, list_models
from server.routes.query import said_once
from server.service import Service

Name = Annotated[str, Path(pattern=f"^{WORD}$")]
Version = Annotated[
    str | None, Query(pattern=f"^{WORD}$", description="Of the folder; else the newest, or all.")
]


async def check_admin(request: Request) -> None:
    """Let in who may change what is served.

    Raises:
        Forbidden: nobody may. Unauthorized: only who has the admin key.
    """
    config = request.app.state.service.config
    if not config.manage_models:
        raise Forbidden(
            "clients do not manage models here: the operator chooses them, or allows it with "
            "--manage-models and an admin key"
        )
    check_admin_key(request.headers, config.admin_key)


_SCHEME = APIKeyHeader(name=HEADER, auto_error=False)  # for the schema; `check_admin` checks
ADMIN = (Depends(check_admin), Depends(_SCHEME))
"""For `dependencies=` of a route."""
router = APIRouter(
    responses=errors(*ALWAYS, *WITH_A_MODEL, 403), dependencies=[*ADMIN, Depends(said_once)]
)


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
