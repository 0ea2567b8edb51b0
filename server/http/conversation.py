"""A stream over a WebSocket: binary messages in, one answer for each out.

Every message of ours is JSON text with a `type`:

    hello   first, with the stream's id and limits
    frame   an answer: where the frame stands, its timings, and either `answer` (JSON) or, where
            another form was chosen, its `media` and headers; the next message is then binary
    error   as over HTTP; the stream goes on, unless `code` is stream_gone
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable

from starlette.websockets import WebSocket, WebSocketDisconnect

from server.access.callers import Caller
from server.answers.negotiation import Media
from server.answers.schemas import StreamInfo
from server.errors import (
    BodyTooLarge,
    ClientGone,
    MalformedImage,
    ServerError,
    StreamGone,
    Unusable,
)
from server.http.deadline import until
from server.http.error_answers import error_json
from server.http.guard import SUBPROTOCOL
from server.http.inbox import Inbox
from server.pipeline import Finished, Order, Place, fulfil
from server.service import Service
from server.streams.stream import Stream
from server.watching.request_record import RequestRecord, current_record, start_record

log = logging.getLogger("anyres.streams")

ROUTE = "/v1/streams/ws"
GOING_AWAY = 1001  # RFC 6455, section 7.4.1


class Conversation:
    """One connection, from the handshake to its end."""

    def __init__(
        self,
        socket: WebSocket,
        order: Callable[[float], Order],
        *,
        latest: bool,
        stream: Stream,
        service: Service,
    ) -> None:
        self._socket = socket
        self._order = order
        """What to make of a frame that came at this time."""
        self._stream = stream
        self._service = service
        self._caller: Caller = socket.state.caller
        self._inbox = Inbox(latest=latest, on_dropped=service.telemetry.stream_frames_dropped.inc)

    async def run(self, hello: StreamInfo) -> None:
        """Talk until the client leaves, or the stream is gone."""
        offered = self._socket.scope.get("subprotocols", [])
        await self._socket.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
        tasks = {
            asyncio.create_task(self._read()),
            asyncio.create_task(self._talk(hello)),
            asyncio.create_task(self._stream.ended.wait()),
        }
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()  # queued work leaves the queue
            await asyncio.wait(tasks)
        for task in tasks:
            error = None if task.cancelled() else task.exception()
            if error is not None and not isinstance(error, WebSocketDisconnect):
                raise error
        if not self._stream.is_open:
            await self._part()

    async def _read(self) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            content = message.get("bytes")
            await self._inbox.put(message.get("text", "") if content is None else content)

    async def _talk(self, hello: StreamInfo) -> None:
        opening = {"type": "hello", "stream": hello.model_dump(mode="json")}
        await self._send(json.dumps(opening))
        while self._stream.is_open:
            message = await self._inbox.take()
            record = RequestRecord(
                request_id=self._request_id,
                method="FRAME",
                path=ROUTE,
                route=ROUTE,
                status=200,
                caller=self._caller.name,
            )
            start_record(record)
            try:
                with self._service.live_frame():
                    await self._reply(message, record)
            except StreamGone:
                return
            except (asyncio.CancelledError, WebSocketDisconnect):
                self._note_loss(record)
                raise
            finally:
                record.seconds = time.monotonic() - record.started_s
                self._service.telemetry.finish(record)
                self._service.tracing.trace(record)

    def _note_loss(self, record: RequestRecord) -> None:
        """Of a frame that nobody takes the answer of: its stream is gone, or its client."""
        if not self._stream.is_open:
            record.status = StreamGone.status
            return
        record.status = ClientGone.status
        self._service.telemetry.refused(ClientGone("the client left before the answer"))

    async def _reply(self, message: bytes | str, record: RequestRecord) -> None:
        try:
            finished = await self._fulfil(message, record)
        except StreamGone as error:
            record.status = error.status
            raise
        except ServerError as error:
            record.status = error.status
            await self._refuse(error)
        except Exception:
            record.status = ServerError.status
            log.exception("a frame failed")
            await self._refuse(
                ServerError("something broke here, not in your frame; the log has it")
            )
        else:
            await self._answer(finished)

    async def _fulfil(self, message: bytes | str, record: RequestRecord) -> Finished:
        started_s = record.started_s
        service, stream = self._service, self._stream
        if isinstance(message, str):
            raise Unusable("a text message came, expected a binary one that is an image file")
        if not message:
            raise MalformedImage("an empty message came, expected an image file")
        most_bytes = service.config.max_frame_bytes
        if len(message) > most_bytes:
            raise BodyTooLarge(f"{len(message)} bytes came, expected at most {most_bytes}")
        self._caller.take_request(now_s=started_s)
        service.telemetry.caller_requests.labels(self._caller.name).inc()
        model = service.open_model(stream.model)
        record.model, record.version = model.name, model.version
        order = self._order(started_s)
        timeout_s, most_s = order.deadline_s - started_s, service.config.timeout_s
        with stream.turns.enter() as turn:
            service.streams.use(stream, now_s=started_s)
            async with until(order.deadline_s, timeout_s=timeout_s, most_s=most_s):
                finished = await fulfil(
                    order,
                    {"image": message},
                    service=service,
                    model=model,
                    caller=self._caller,
                    place=Place(stream=stream, turn=turn),
                )
        return finished

    async def _answer(self, finished: Finished) -> None:
        assert finished.stream is not None  # fulfil had a place
        head: dict[str, object] = {
            "type": "frame",
            "stream": finished.stream.model_dump(mode="json"),
            "dropped": self._inbox.num_dropped,  # since the connection was made
            "server_timing": current_record().server_timing,
        }
        payload = finished.payload
        is_json = payload is not None and payload.content_type == Media.JSON
        if payload is not None and not is_json:
            head |= {"media": payload.content_type, "headers": payload.headers}
        text = json.dumps(head)
        if payload is not None and is_json:
            text = f'{text[:-1]}, "answer": {payload.body.decode()}}}'
        await self._send(text)
        if payload is not None and not is_json:
            await self._send(payload.body)

    async def _refuse(self, error: ServerError) -> None:
        self._service.telemetry.refused(error)
        extra = {"retry_after_s": int(error.headers.get("Retry-After", 0))} if error.headers else {}
        text = error_json(error, self._request_id)
        await self._send(json.dumps({"type": "error", **json.loads(text), **extra}))

    async def _part(self) -> None:
        """Say why the stream is gone."""
        try:
            self._service.streams.find(
                self._stream.id, owner=self._stream.owner, now_s=time.monotonic()
            )
        except StreamGone as error:
            try:
                await self._refuse(error)
                await self._socket.close(GOING_AWAY, "the stream is gone")
            except (WebSocketDisconnect, RuntimeError):
                return  # so is the client

    async def _send(self, content: str | bytes) -> None:
        """Waits for the message before this one; `BoundedSocket` ends that."""
        if isinstance(content, str):
            await self._socket.send_text(content)
        else:
            await self._socket.send_bytes(content)

    @property
    def _request_id(self) -> str:
        request_id: str = self._socket.state.request_id
        return request_id
