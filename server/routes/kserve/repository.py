"""What is there, and for who has the admin key: loading and unloading it."""

from typing import Annotated, TypeVar

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ValidationError

from server.errors import MalformedBody
from server.http.body import BodyLimits, whole_body
from server.kserve.openapi import json_body
from server.kserve.repository import IndexEntry, IndexQuery, LoadQuery, UnloadQuery, index
from server.routes.contract import ALWAYS
from server.routes.kserve.contract import PREFIX, sentences
from server.routes.management import ADMIN, load_model, unload_model
from server.service import Service

BODY_BYTES = 4096

Q = TypeVar("Q", bound=BaseModel)


router = APIRouter(prefix=PREFIX)
_WITH_A_BODY = (400, 408, 413, 415)
_MANAGE = sentences(*ALWAYS, *_WITH_A_BODY, 403, 404, 503)
_Version = Annotated[str | None, Query(description="Of the folder; else the newest, or all.")]


@router.post(
    "/repository/index",
    responses=sentences(*ALWAYS, *_WITH_A_BODY),
    openapi_extra=json_body(IndexQuery),
)
async def repository_index(request: Request) -> list[IndexEntry]:
    """Every version that is served, loads, goes, could not be loaded, or is left alone; and why."""
    query = await _read(request, IndexQuery, expected='nothing or {"ready": true}')
    return index(request.app.state.service, only_ready=query.ready)


@router.post(
    "/repository/models/{name}/load",
    response_class=Response,
    responses=_MANAGE,
    dependencies=ADMIN,
    openapi_extra=json_body(LoadQuery),
)
async def load(request: Request, name: str, version: _Version = None) -> Response:
    """Serve a model that lies in the model folder; answers when it is warm.

    With `version` it stays at that one, without it follows the newest.
    """
    await _read(request, LoadQuery, expected="nothing or {}: models come from the server's folder")
    await load_model(request.app.state.service, name, version)
    return Response()


@router.post(
    "/repository/models/{name}/unload",
    response_class=Response,
    responses=_MANAGE,
    dependencies=ADMIN,
    openapi_extra=json_body(UnloadQuery),
)
async def unload(request: Request, name: str, version: _Version = None) -> Response:
    """Serve a model no longer. Requests that hold it are still answered."""
    await _read(request, UnloadQuery, expected="nothing or {}: no model depends on another here")
    await unload_model(request.app.state.service, name, version)
    return Response()


async def _read(request: Request, kind: type[Q], *, expected: str) -> Q:
    service: Service = request.app.state.service
    limits = BodyLimits(max_bytes=BODY_BYTES, timeout_s=service.config.body_timeout_s)
    body = await whole_body(request, limits)
    try:
        return kind.model_validate_json(body or b"{}")
    except ValidationError as error:
        raise MalformedBody(f"the body is {body[:80]!r}, expected {expected}") from error
