"""uvicorn's HTTP/1.1 with absolute deadlines: for heads, for bodies nobody reads, for answers.

uvicorn itself only ends idle connections; one that sends a byte now and then lives for ever. Each
deadline here starts once and no byte restarts it. Bodies that a route reads have their deadline in
`server.http.body`, which can say more; the one here comes GRACE_S later, for all others.
"""

import asyncio
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from http import HTTPStatus
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from server.errors import (
    BodyTooSlow,
    HeadTooLarge,
    HeadTooSlow,
    MalformedBody,
    ServerError,
    TooManyConnections,
)
from server.http.connections import Connections
from server.http.error_answers import error_json
from server.http.handshake import check_handshake
from server.http.parser import BoundedParser, TooManyChunks
from server.http.unsent import DROP_REASON, Unsent

GRACE_S = 2.0


class Phase(Enum):
    """What a connection waits for."""

    IDLE = "idle"  # the first byte of the next request; uvicorn's own timer runs
    HEAD = "head"
    BODY = "body"
    BUSY = "busy"  # us


@dataclass(frozen=True, kw_only=True)
class Deadlines:
    """In seconds, each from the start of its phase."""

    head_s: float
    body_s: float
    send_s: float


class BoundedProtocol(H11Protocol):
    """One connection. Made by uvicorn with the arguments that `uvicorn_options` adds."""

    def __init__(
        self,
        *args: Any,
        deadlines: Deadlines,
        room: Connections,
        on_dropped: Callable[[str], None],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        assert self.config.h11_max_incomplete_event_size is not None  # see `uvicorn_options`
        self.conn = BoundedParser(max_head_bytes=self.config.h11_max_incomplete_event_size)
        self._unsent = Unsent(
            self,
            room=room,
            limit_s=deadlines.send_s,
            num_buffered=lambda: self.transport.get_write_buffer_size(),
        )
        self.app = self._unsent.around(self.app)
        self._deadlines = deadlines
        self._room = room
        self._on_dropped = on_dropped
        self._phase = Phase.HEAD
        self._phase_cycle: object = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio."""
        super().connection_made(transport)
        if self._room.enter(self):
            self._start(Phase.HEAD)
            if self._room.is_crowded:
                self.loop.call_later(0, self._room.make_room)  # after the sockets that have data
            return
        self._on_dropped("refused")
        self._say(TooManyConnections("every connection is taken: come again in a second"))

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._leave()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """See uvicorn: called whenever bytes or an answer may have moved things on."""
        super().handle_events()
        self._look()

    def on_response_complete(self) -> None:
        """See uvicorn."""
        self._unsent.given()
        super().on_response_complete()
        self._look()

    def timeout_keep_alive_handler(self) -> None:
        """See uvicorn: the client has been idle for too long."""
        super().timeout_keep_alive_handler()
        self._look()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """See uvicorn: another protocol takes the transport over, with limits of its own."""
        try:
            check_handshake(event)
        except ServerError as error:
            self._say(error)
            return
        self._leave()
        super().handle_websocket_upgrade(event)

    def send_400_response(self, msg: str) -> None:
        """See uvicorn: the client does not speak HTTP, or says too much before it starts."""
        error = sys.exception()
        if isinstance(error, h11.RemoteProtocolError) and error.error_status_hint == 431:
            self._say(
                HeadTooLarge(
                    f"the request line and headers are longer than "
                    f"{self.config.h11_max_incomplete_event_size} bytes: send fewer headers"
                )
            )
            return
        if isinstance(error, TooManyChunks):
            self._say(MalformedBody(str(error)))
            return
        self._say(MalformedBody(f"this is not HTTP/1.1 ({error}): {msg}"))

    def pause_writing(self) -> None:
        """See asyncio: the client takes its answer more slowly than we write it."""
        super().pause_writing()
        self._unsent.paused()

    def resume_writing(self) -> None:
        """See asyncio."""
        super().resume_writing()
        self._unsent.resumed()

    def drop(self, reason: str) -> None:
        """End this connection; with an answer, if it is still open what that will be."""
        self._on_dropped(reason)
        self._room.closes(self)
        if reason in (DROP_REASON, "unsent") or self.transport.is_closing():
            self.transport.abort()  # what it has not taken it will not take
        elif self._phase is Phase.BODY:
            self._say(
                BodyTooSlow(
                    "the body was arriving for too long, and others wait for this connection"
                    if reason == "crowded"
                    else f"the body has not arrived in {self._deadlines.body_s:g} s: use a faster "
                    f"network"
                )
            )
        elif self._phase is Phase.HEAD and self.conn.trailing_data[0]:
            self._say(
                HeadTooSlow(
                    f"the headers have not arrived in {self._deadlines.head_s:g} s: send them at "
                    f"once"
                )
            )
        else:
            self.transport.close()
        self._look()

    def _look(self) -> None:
        """Find out what we wait for now."""
        if self.transport.is_closing():
            self._start(Phase.BUSY)
            self._unsent.hurry()  # a close waits for the last byte, however long that takes
            return
        state = self.conn.their_state
        if state is h11.SEND_BODY:
            phase = Phase.BODY
        elif state is not h11.IDLE:
            phase = Phase.BUSY
        elif self.conn.trailing_data[0] or self.cycle is None:
            phase = Phase.HEAD
        else:
            phase = Phase.IDLE
        if phase is not self._phase or self.cycle is not self._phase_cycle:
            self._start(phase)

    def _start(self, phase: Phase) -> None:
        self._phase, self._phase_cycle = phase, self.cycle
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if phase is Phase.BUSY:
            self._room.has_request(self)
            return
        self._room.awaits_request(self)
        limit_s = {
            Phase.HEAD: self._deadlines.head_s,
            Phase.BODY: self._deadlines.body_s + GRACE_S,
        }.get(phase)
        if limit_s is not None:
            self._timer = self.loop.call_later(
                limit_s, partial(self.drop, f"{phase.value}_timeout")
            )

    def _leave(self) -> None:
        self._room.leave(self)
        self._unsent.forget()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _say(self, error: ServerError) -> None:
        """Answer in place of the application, and close."""
        cycle: RequestResponseCycle | None = self.cycle  # uvicorn's type forgets the None
        if cycle is not None and not cycle.response_complete:
            if cycle.response_started:
                self.transport.abort()
                return
            cycle.disconnected = True  # the application stops, and what it says goes nowhere
            cycle.message_event.set()
        request_id = uuid.uuid4().hex
        body = error_json(error, request_id).encode()
        headers = {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Connection": "close",
            "X-Request-Id": request_id,
            **error.headers,
        }
        try:
            for event in (
                h11.Response(
                    status_code=error.status,
                    headers=list(headers.items()),
                    reason=HTTPStatus(error.status).phrase.encode(),
                ),
                h11.Data(data=body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        except h11.LocalProtocolError:
            pass  # an answer went out already: closing is all that is left to say
        self.transport.close()
