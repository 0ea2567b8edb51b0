"""The protocol's two questions of a supervisor, and who answers."""

from fastapi import APIRouter, Request, Response

from server.errors import NotReady
from server.http.error_answers import error_answer
from server.kserve.health import Live, Ready
from server.kserve.metadata import ServerMetadata, server_metadata
from server.routes.kserve.contract import PREFIX, sentences
from server.service import Service

router = APIRouter(prefix=PREFIX)


@router.get("", responses=sentences(401, 429, 500))
async def server(request: Request) -> ServerMetadata:
    """Who answers, and what it can do beyond the protocol."""
    return server_metadata(request.app.version)


@router.get("/health/live", response_model=Live, responses=sentences(503))
async def live(request: Request) -> Live | Response:
    """200 while the engine's thread lives; else restart this process."""
    service: Service = request.app.state.service
    if service.is_live:
        return Live(live=True)
    return _no(request, service.failure or "the engine's thread has ended: restart this process")


@router.get("/health/ready", response_model=Ready, responses=sentences(503))
async def ready(request: Request) -> Ready | Response:
    """200 while requests are taken: after loading, before the end."""
    service: Service = request.app.state.service
    return Ready(ready=True) if service.is_ready else _no(request, service.why_not_ready)


def _no(request: Request, reason: str) -> Response:
    # Not raised: a probe that is told no is not a request that was refused.
    error = NotReady(reason, retry_after_s=2)
    return error_answer(error, request.state.request_id, path=request.scope["path"])
