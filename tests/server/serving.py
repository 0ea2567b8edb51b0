"""What tests of the server share: images to send, and servers to send them to."""

import io
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from server.config import ServerConfig
from server.service import Service


def config_for(folder: Path, **changes: Any) -> ServerConfig:
    settings: dict[str, Any] = {
        "bundle": folder,
        "engine": "onnxruntime",
        "threads": 1,
        "codec_threads": 2,
        "max_mpx": 4.0,
    }
    return ServerConfig(**(settings | changes))


def wait_until_loaded(service: Service) -> None:
    for _ in range(1000):
        if service.model is not None or service.failure is not None:
            return
        time.sleep(0.01)
    raise TimeoutError("the toy bundle did not load in 10 s")


def plain(height: int, width: int, colour: tuple[int, int, int]) -> NDArray[np.uint8]:
    """An image of one colour."""
    return np.full((height, width, 3), colour, dtype=np.uint8)


def encoded(pixels: NDArray[Any], format_: str = "PNG", **options: Any) -> bytes:
    """An image file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format_, **options)
    return file.getvalue()
