"""A model folder of toy bundles, and what may happen to one."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from server.app import create_app
from server.config import ServerConfig
from server.service import Service
from tests.server.serving import wait_until

KEY = "a key of sixteen characters or more"
AS_ADMIN = {"X-Admin-Key": KEY}


def put(root: Path, toy: Path, name: str, version: str, *, at: str | None = None) -> Path:
    """A whole toy bundle of this name and version, in NAME/VERSION or `at`."""
    folder = root / (at or f"{name}/{version}")
    unfinished = folder.with_name(f".{folder.name}.new")
    shutil.copytree(toy, unfinished)
    rename(unfinished, name, version)
    if folder.exists():
        shutil.rmtree(folder)
    unfinished.rename(folder)
    return folder


def rename(folder: Path, name: str, version: str) -> None:
    """Let bundle.json say another name and version."""
    manifest = json.loads((folder / "bundle.json").read_text())
    (folder / "bundle.json").write_text(json.dumps(manifest | {"name": name, "version": version}))


def damage(folder: Path) -> None:
    """Change the last byte of a graph, as a copy that was cut and patched would."""
    graph = folder / "frame.onnx"
    data = graph.read_bytes()
    graph.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    os.utime(graph, ns=(1, 1))


@contextmanager
def serving(root: Path, **changes: Any) -> Iterator[tuple[Service, TestClient]]:
    """A server that watches `root` and may be told what to load."""
    service = Service(folder_config(root, **changes))
    with TestClient(create_app(service)) as client:
        wait_until(lambda: service.keeper.has_looked)
        yield service, client


def folder_config(root: Path, **changes: Any) -> ServerConfig:
    settings: dict[str, Any] = {
        "model_folder": root,
        "engine": "onnxruntime",
        "threads": 1,
        "codec_threads": 1,
        "watch_s": 0.05,
        "calibrate_s": 0.0,
        "manage_models": True,
        "admin_key": KEY,
    }
    return ServerConfig(**(settings | changes))
