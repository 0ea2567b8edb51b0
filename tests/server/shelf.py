"""A model folder of toy bundles, and what may happen to one."""

import json
import os
import shutil
from pathlib import Path


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
