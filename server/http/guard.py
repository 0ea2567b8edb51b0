"""Lets in whoever shows a key, and counts what they ask.

Plain ASGI, on `scope["path"]` as the router reads it (Starlette's own function takes the host's
prefix off), not on what a URL parser makes of it. A path is closed unless it is listed here.
"""

import base64
import binascii
import re
import time
from urllib.parse import urlsplit

from starlette._utils import get_route_path
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from server.config import ServerConfig
from server.errors import ForbiddenOrigin, NotFound, ServerError, Unauthorized
from server.http.bearer import bearer
from server.http.error_answers import error_answer
from server.service import Service

PAGES = frozenset({"/", "/app.js", "/live.js", "/style.css", "/docs", "/openapi.json"})
"""Nothing in them that is not in the source."""
PAGE_FOLDER = "/docs-files/"
HEALTH = frozenset({"/livez", "/readyz", "/startupz", "/v2/health/live", "/v2/health/ready"})
METRICS = frozenset({"/metrics"})
SOCKETS = frozenset({"/v1/streams/ws"})
"""Elsewhere Starlette would close an upgrade without a word."""
MANAGEMENT = re.compile(r"/(v1|v2/repository)/models/[^/]+/(load|unload)")
"""They have a key of their own, which their route checks."""

SUBPROTOCOL = "anyres"
KEY_SUBPROTOCOL = "anyres.key."
"""A page cannot set headers of a WebSocket, but its subprotocols: the key follows in base64url."""


class Guard:
    """Middleware. Puts the caller into the state of the request."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        try:
            self._check(scope)
        except ServerError as error:
            self._service.telemetry.refused(error)
            request_id = scope["state"]["request_id"]
            if scope["type"] == "websocket":
                await receive()  # the handshake, which this answers
            await error_answer(error, request_id, path=get_route_path(scope))(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        if scope["type"] == "websocket":
            self._check_socket(scope, headers)
        if is_open(get_route_path(scope), self._service.config):
            return
        callers = self._service.callers
        caller = callers.identify(shown_key(headers))
        if caller is None:
            raise Unauthorized(
                "this server needs a key and none that it knows came: send Authorization: Bearer "
                "KEY or X-API-Key: KEY"
            )
        scope["state"]["caller"] = caller
        caller.take_request(now_s=time.monotonic())
        self._service.telemetry.caller_requests.labels(caller.name).inc()

    def _check_socket(self, scope: Scope, headers: Headers) -> None:
        self._check_origin(headers)
        if get_route_path(scope) not in SOCKETS:
            raise NotFound(
                f"no WebSocket is served at {get_route_path(scope)!r:.80}, expected "
                f"{' or '.join(sorted(SOCKETS))}"
            )

    def _check_origin(self, headers: Headers) -> None:
        """Browsers let every page open a WebSocket to everywhere, and only name the page."""
        origin = headers.get("origin")
        if origin is None or _host_of(origin) == headers.get("host"):
            return
        allowed = self._service.config.cors_origins
        if origin not in allowed and "*" not in allowed:
            raise ForbiddenOrigin(
                f"the page is from {origin!r:.200}, which is not among the origins that may call: "
                f"the operator lists them with --cors-origins"
            )


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:  # half an IPv6 address, for one
        return None


def is_open(path: str, config: ServerConfig) -> bool:
    """Whether this path needs no key."""
    return (
        path in PAGES
        or path.startswith(PAGE_FOLDER)
        or (path in HEALTH and config.open_health)
        or (path in METRICS and config.open_metrics)
        or (config.manage_models and MANAGEMENT.fullmatch(path) is not None)
    )


def shown_key(headers: Headers) -> str | None:
    """What the client shows, from whichever place it chose."""
    key = bearer(headers)
    if key is not None:
        return key
    if "x-api-key" in headers:
        return headers["x-api-key"].strip()
    for offer in headers.get("sec-websocket-protocol", "").split(","):
        coded = offer.strip()
        if coded.startswith(KEY_SUBPROTOCOL):
            coded = coded.removeprefix(KEY_SUBPROTOCOL)
            try:
                padding = "=" * (-len(coded) % 4)
                return base64.urlsafe_b64decode(coded + padding).decode("utf-8", "replace")
            except (binascii.Error, ValueError):
                return ""
    return None
