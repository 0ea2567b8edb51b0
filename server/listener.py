"""uvicorn, with an orderly end: SIGTERM drains and exits 0, a second one does not wait."""

import asyncio
import logging
import os
import signal
import socket
import time
from types import FrameType

import uvicorn

from models.runtime.allocator import share_arena
from server.app import create_app
from server.config import PREFIX, ServerConfig
from server.errors import Unusable
from server.http.uvicorn_options import uvicorn_options
from server.service import Service
from server.settings.environment import near_misses
from server.watching.log_format import configure_logging

log = logging.getLogger("anyres")


class Listener(uvicorn.Server):
    """Serves one service until a signal, or until there will be no model."""

    def __init__(self, config: ServerConfig) -> None:
        self.service = Service(config, on_failed=self._give_up)
        self._close_at_s: float | None = None
        super().__init__(
            uvicorn.Config(
                create_app(self.service),
                host=config.host,
                port=config.port,
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=max(1, round(config.drain_timeout_s)),
                **uvicorn_options(config, self.service.telemetry),
            )
        )

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal: the first drains, the second ends at once.

        uvicorn's own would raise the signal again after a clean end, which hides the exit code.
        """
        del frame
        if self.service.draining:
            log.warning("%s again: leaving at once", signal.Signals(sig).name)
            # The engine may be deep in native code: nothing but the process itself stops it.
            os._exit(1)
        log.info("%s: draining", signal.Signals(sig).name)
        self.service.draining = True
        self._close_at_s = time.monotonic() + self.service.config.drain_delay_s

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second, by uvicorn's main loop; true ends it."""
        if self._close_at_s is not None:
            self._close_when_due(late_s=time.monotonic() - self._close_at_s)
        return await super().on_tick(counter)

    def _close_when_due(self, *, late_s: float) -> None:
        limit_s = self.service.config.drain_timeout_s
        # uvicorn closes WebSockets at once, with a frame in them or without.
        if late_s < 0 or (self.service.num_live_frames and late_s < limit_s):
            return
        self.config.timeout_graceful_shutdown = max(1, round(limit_s - late_s))
        self.should_exit = True

    def _give_up(self) -> None:
        self.should_exit = True


def check_address(host: str, port: int) -> None:
    """Before anything is loaded for it.

    Raises:
        Unusable
    """
    try:
        kind, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(kind, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as uvicorn will
            probe.bind(address)
    except OSError as error:
        raise Unusable(
            f"cannot listen on {host}:{port} ({error.strerror}): choose another --host or --port, "
            f"or end what listens there"
        ) from error


def serve(config: ServerConfig) -> int:
    """Serve until a signal. Returns the exit code: 1 if the model could not be loaded.

    Raises:
        Unusable: the address cannot be listened on.
    """
    share_arena()
    configure_logging(config.log_format)
    for sentence in near_misses(os.environ, ServerConfig.model_fields, prefix=PREFIX):
        log.warning("%s", sentence)
    check_address(config.host, config.port)
    listener = Listener(config)
    code = 0
    try:
        asyncio.run(listener.serve())
    except SystemExit:  # uvicorn's way to say that it could not begin
        code = 1
    if listener.service.failure is not None:
        log.error("error: %s", listener.service.failure)
        code = 1
    if listener.service.keeper.has_running_engines:
        # A thread in native code cannot be ended, and the interpreter must not be torn down
        # under it.
        os._exit(code)
    return code
