"""The application: routes, errors and middleware around one service."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.middleware.cors import CORSMiddleware

from server.errors import NotReady
from server.http.error_answers import install_error_answers
from server.http.guard import Guard
from server.http.last_resort import LastResort
from server.http.request_scope import RequestScope
from server.http.security_schema import document_keys
from server.http.sweeping import sweeping
from server.kserve.body import LENGTH_HEADER
from server.routes import health, management, models, playground, predict, streams
from server.routes.kserve import router as kserve
from server.service import Service

STARTED_POLL_S = 0.1

DESCRIPTION = """Segmentation, depth and optical flow of images of any size.

Sizes are [height, width] in pixels. Errors are `{"error": {"code", "status", "message",
"request_id"}}`; the message says what came, what was expected and what to do. Below /v2 they are
`{"error": message}`, as the Open Inference Protocol has it."""


def create_app(service: Service, *, wait_until_started: bool = False) -> FastAPI:
    """An ASGI application. Its lifespan starts and stops the service.

    Args:
        service: what the routes share.
        wait_until_started: the lifespan begins when the models are loaded, for hosts that send
            requests as soon as it has begun. It fails if there will be no model.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.start()
        while wait_until_started and not service.is_started:
            if service.failure is not None:
                raise NotReady(service.failure)
            await asyncio.sleep(STARTED_POLL_S)
        async with sweeping(service.streams):
            yield
        service.stop()

    # FastAPI's own /docs loads its scripts from elsewhere: blank behind a firewall.
    app = FastAPIOffline(
        redoc_url=None,
        static_url="/docs-files",
        title="anyres",
        description=DESCRIPTION,
        version="1",
        lifespan=lifespan,
    )
    app.state.service = service
    install_error_answers(app)
    app.include_router(predict.router)
    app.include_router(streams.router)
    app.include_router(models.router)
    app.include_router(kserve.router)
    app.include_router(health.router)
    app.include_router(management.router)
    if service.config.playground:
        app.include_router(playground.router)
    document_keys(app, service)
    # From the inside out: what is added last sees a request first.
    app.add_middleware(Guard, service=service)
    app.add_middleware(LastResort)
    if service.config.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(service.config.cors_origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=[
                "Authorization",
                "Content-Type",
                LENGTH_HEADER,
                "X-API-Key",
                "X-Request-Id",
            ],
            expose_headers=[
                LENGTH_HEADER,
                "Server-Timing",
                "X-Request-Id",
                "X-Anyres-Map",
                "X-Anyres-Stream",
                "Location",
                "Retry-After",
            ],
        )
    app.add_middleware(RequestScope, telemetry=service.telemetry, tracing=service.tracing)
    return app
