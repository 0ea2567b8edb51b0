"""Around every request: its id, its log line and its time.

Plain ASGI: Starlette's BaseHTTPMiddleware hides from a route that its client has left.
"""

import asyncio
import logging
import re
import time
import uuid
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.watching.request_record import RequestRecord, start_record
from server.watching.telemetry import Telemetry
from server.watching.tracing import Tracing

log = logging.getLogger("anyres.request")

GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")  # anything else could forge log lines
LINGER_S = 1.0
LINGER_BYTES = 16 * 2**20


class RequestScope:
    """Middleware. Takes X-Request-Id from the client or makes one."""

    def __init__(self, app: ASGIApp, telemetry: Telemetry, tracing: Tracing) -> None:
        self._app = app
        self._telemetry = telemetry
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if GIVEN_ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        record = RequestRecord(
            request_id=request_id,
            method=scope.get("method", "WEBSOCKET"),
            path=quote(scope["path"]),  # decoded it may hold line ends, and forge log lines
            traceparent=headers.get("traceparent", ""),
        )
        start_record(record)
        if record.method == "HEAD":
            # GET without its body (RFC 9110, section 9.3.2), which uvicorn leaves out.
            scope = {**scope, "method": "GET"}
        exchange = _Exchange(scope, receive, send, request_id)
        try:
            await self._app(scope, exchange.receive, exchange.send)
        finally:
            record.seconds = time.monotonic() - record.started_s
            # The route's pattern, not the path: a stranger must not make new time series.
            record.route = getattr(scope.get("route"), "path", "none")
            record.status = exchange.status or 499
            caller = scope["state"].get("caller")
            record.caller = "" if caller is None else caller.name
            if scope["type"] == "http":  # a WebSocket lasts as long as its video
                self._telemetry.finish(record)
                record.trace_id = self._tracing.trace(record)
            log.info(
                "%s %s %d %.1f ms",
                record.method,
                record.path,
                record.status,
                record.seconds * 1e3,
                extra=record.log_fields,
            )


class _Exchange:
    """One request's two directions."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        headers = Headers(scope=scope)
        self.status = 0
        self._receive = receive
        self._send = send
        self._request_id = request_id
        self._body_left = (
            "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
        )

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] != "http.request" or not message.get("more_body", False):
            self._body_left = False
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "websocket.accept":
            self.status = 101
            MutableHeaders(scope=_headers_of(message))["X-Request-Id"] = self._request_id
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            self.status = message["status"]
            headers = MutableHeaders(scope=_headers_of(message))
            headers["X-Request-Id"] = self._request_id
            headers["X-Content-Type-Options"] = "nosniff"
            if self._body_left:
                headers["Connection"] = "close"
        if message["type"] == "http.response.body" and self._body_left:
            if message.get("more_body", False):
                await self._send(message)
                return
            await self._send({**message, "more_body": True})
            await self._linger()
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)

    async def _linger(self) -> None:
        """Read on for a moment. A socket closed on unread bytes resets, and the client then
        sees "connection reset" where our answer says what was wrong."""
        num_bytes = 0
        try:
            async with asyncio.timeout(LINGER_S):
                while self._body_left and num_bytes < LINGER_BYTES:
                    num_bytes += len((await self.receive()).get("body", b""))
        except TimeoutError:
            return  # it had its moment; the answer is out


def _headers_of(message: Message) -> MutableMapping[str, Any]:
    message.setdefault("headers", [])
    return message
