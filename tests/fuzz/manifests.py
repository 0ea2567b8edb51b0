"""Manifests of bundles to begin with, and what must hold for whatever becomes of them."""

import hashlib
import json
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from models.bundle import Bundle, BundleError
from models.bundle_folder import MANIFEST, read_bundle

STREET = Path(__file__).parents[2] / "models" / "bundles" / "street"
GRAPH = b"not looked at: reading a bundle compares digests"


def corpus() -> list[bytes]:
    """The shipped one, with files that are small; and one that nests."""
    manifest = json.loads((STREET / MANIFEST).read_text(encoding="utf-8"))
    return [
        json.dumps(_small(manifest)).encode(),
        json.dumps(_small(manifest | {"tasks": ["depth"], "class_names": []})).encode(),
        b'{"format_version": 2, "graphs": ' + b"[" * 9000,
    ]


def check(data: bytes) -> None:
    """A bundle comes out whose graphs lie in its folder; or a reason why not."""
    folder = _folder()
    (folder / MANIFEST).write_bytes(data)
    try:
        bundle = read_bundle(folder)
    except BundleError as error:
        if len(str(error)) < 20:
            raise AssertionError(f"not a reason: {error}") from error
        return
    assert isinstance(bundle, Bundle)
    for file in (file for graph in bundle.graphs.values() for file in graph.files):
        path = (folder / file).resolve()
        assert path.parent == folder.resolve()
        assert path.read_bytes() == GRAPH


def _small(manifest: dict[str, Any]) -> dict[str, Any]:
    """With the digests of what lies in the folder."""
    digest = hashlib.sha256(GRAPH).hexdigest()
    files = {
        file: {"sha256": digest, "bytes": len(GRAPH)}
        for graph in manifest["graphs"].values()
        for file in (graph["file"], *graph["mixed"].values())
    }
    return manifest | {"files": files}


@cache
def _folder() -> Path:
    """One for all: a directory of this process, in memory where there is such a place."""
    shared = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=shared if os.access(shared, os.W_OK) else None))
    manifest = json.loads((STREET / MANIFEST).read_text(encoding="utf-8"))
    for graph in manifest["graphs"].values():
        for file in (graph["file"], *graph["mixed"].values()):
            (folder / file).write_bytes(GRAPH)
    return folder
