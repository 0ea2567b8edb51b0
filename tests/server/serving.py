"""What tests of the server share: images to send, and servers to send them to."""

import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn
from numpy.typing import NDArray
from PIL import Image
from starlette.testclient import TestClient, WebSocketDenialResponse

from models.runtime.protocol import Features, FlowMaps, FrameMaps, Runtime
from server.app import create_app
from server.config import ServerConfig
from server.http.uvicorn_options import uvicorn_options
from server.loading.loaded_model import LoadedModel, load_model
from server.service import Service


def config_for(folder: Path, **changes: Any) -> ServerConfig:
    settings: dict[str, Any] = {
        "bundle": folder,
        "engine": "onnxruntime",
        "threads": 1,
        "codec_threads": 2,
        "max_mpx": 4.0,
        "calibrate_s": 0.0,
    }
    return ServerConfig(**(settings | changes))


def wait_until_loaded(service: Service) -> None:
    wait_until(lambda: service.is_started or service.failure is not None)


def wait_until(statement: Callable[[], bool]) -> None:
    """Return as soon as it is true; fail after a minute, which a bundle may need on a busy core."""
    for _ in range(6000):
        if statement():
            return
        time.sleep(0.01)
    raise TimeoutError("it did not become true in 60 s")


class Gate:
    """The toy's runtime, which runs only while the gate is open, and counts."""

    name, version = "gate", "0"

    def __init__(self) -> None:
        self.precisions = {"frame": "f32", "flow": "f32"}
        self._runtime: Runtime | None = None
        self.open = threading.Event()
        self.entered = threading.Event()
        self.sizes: list[tuple[int, ...]] = []

    def around(self, model: LoadedModel) -> "Gate":
        """Stand before this model's own runtime."""
        self._runtime = model.selection.runtime
        return self

    def frame(self, image: NDArray[np.uint8], size: NDArray[np.int64]) -> FrameMaps:
        self.entered.set()
        assert self.open.wait(10)
        self.sizes.append(image.shape[1:3])
        if image.shape[1:3] == (13, 13):
            raise RuntimeError("the engine does not like 13")
        assert self._runtime is not None
        return self._runtime.frame(image, size)

    def flow(self, first: Features, second: Features, size: NDArray[np.int64]) -> FlowMaps:
        assert self._runtime is not None
        return self._runtime.flow(first, second, size)


def gated_model(folder: Path, gate: Gate) -> LoadedModel:
    """The toy model behind a gate."""
    model = load_model(config_for(folder))
    return replace(model, selection=replace(model.selection, runtime=gate.around(model)))


@contextmanager
def listening(service: Service) -> Iterator[int]:
    """A real port that the service answers on, from a thread of this process."""
    config = uvicorn.Config(
        create_app(service),
        port=0,
        log_config=None,
        access_log=False,
        **uvicorn_options(service.config, service.telemetry),
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started)
        wait_until_loaded(service)
        port: int = server.servers[0].sockets[0].getsockname()[1]
        yield port
    finally:
        server.should_exit = True
        thread.join(20)


def refusal(client: TestClient, url: str, **options: Any) -> WebSocketDenialResponse:
    """The answer to a handshake that is not accepted."""
    with pytest.raises(WebSocketDenialResponse) as denied:
        client.websocket_connect(url, **options).__enter__()
    return denied.value


def post_head(length: int | None, *extra: str) -> bytes:
    """The head of a POST to /v1/predict; no length means chunked."""
    size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    lines = ("POST /v1/predict HTTP/1.1", "Host: x", "Content-Type: image/png", size, *extra)
    return "\r\n".join((*lines, "", "")).encode()


def read_answer(connection: socket.socket) -> tuple[int, bytes]:
    """Status and body of one answer with a Content-Length."""
    with connection.makefile("rb") as file:
        status = int(file.readline().split()[1])
        length = 0
        while (line := file.readline()) != b"\r\n":
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        return status, file.read(length)


def plain(height: int, width: int, colour: tuple[int, int, int]) -> NDArray[np.uint8]:
    """An image of one colour."""
    return np.full((height, width, 3), colour, dtype=np.uint8)


def encoded(pixels: NDArray[Any], format_: str = "PNG", **options: Any) -> bytes:
    """An image file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format_, **options)
    return file.getvalue()
