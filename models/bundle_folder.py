"""The folder of a bundle, read and written: bundle.json and the files that it lists. No torch.

The digests prove that a folder is whole, not where it came from.
"""

import hashlib
import json
import os
from dataclasses import asdict, replace
from pathlib import Path, PurePosixPath

from models.bundle import FORMAT_VERSION, Bundle, BundledFile, BundleError
from models.external_data import external_files
from models.record import RecordError, read_record

MANIFEST = "bundle.json"
MANIFEST_LIMIT_BYTES = 4 * 2**20  # ours are a few KiB; a larger one is not a manifest


def read_bundle(folder: Path, *, graphs_only: bool = False) -> Bundle:
    """The checked manifest of a folder, every listed file compared with its SHA-256.

    Args:
        folder: of the bundle.
        graphs_only: what lies beside the graphs, such as a model card, may have been edited: the
            manifest is about to be written anew.

    Raises:
        BundleError: bundle.json is missing, malformed or of another format version; a listed file
            is missing, a link, outside of the folder, or not the one that was written; a graph
            reads weights from a file that is not listed.
    """
    manifest = _read_manifest(folder / MANIFEST)
    try:
        bundle = read_record(Bundle, manifest, where=MANIFEST)
    except RecordError as error:
        raise BundleError(f"{folder}: {error}: export the bundle again") from error
    graphs = [file for graph in bundle.graphs.values() for file in graph.files]
    for file in graphs:
        if file not in bundle.files:
            raise BundleError(
                f"{folder / MANIFEST}: graph {file} is not among the listed files "
                f"{sorted(bundle.files)}: write the bundle again with `python -m export`"
            )
    for name, expected in bundle.files.items():
        if graphs_only and name not in graphs:
            continue
        path = _inside(folder, name)
        found_bytes = path.stat().st_size
        found = _sha256(path) if found_bytes == expected.bytes else ""
        if found != expected.sha256:
            what = f"SHA-256 is {found[:12]}..." if found else f"{found_bytes} bytes long"
            raise BundleError(
                f"{path}: {what}, bundle.json lists {expected.sha256[:12]}... of {expected.bytes} "
                f"bytes; the file was edited or only partly copied: copy the whole bundle again"
            )
    for file in graphs:
        _check_external(folder, file, bundle)
    return bundle


def write_bundle(folder: Path, bundle: Bundle) -> Bundle:
    """Write bundle.json for the files that lie in the folder; returns it with their digests.

    Raises:
        BundleError: a graph's file is not there, or the folder holds a link.
    """
    names = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path != folder / MANIFEST and (path.is_symlink() or not path.is_dir())
    )
    missing = {file for graph in bundle.graphs.values() for file in graph.files} - set(names)
    if missing:
        raise BundleError(f"{folder}: holds {names}, expected {sorted(missing)}: export them first")
    paths = {name: _inside(folder, name) for name in names}
    files = {
        name: BundledFile(sha256=_sha256(path), bytes=path.stat().st_size)
        for name, path in paths.items()
    }
    complete = replace(bundle, files=files)
    text = json.dumps(asdict(complete), indent=2, ensure_ascii=False, allow_nan=False)
    unfinished = folder / f"{MANIFEST}.new"
    unfinished.write_text(text + "\n", encoding="utf-8")
    os.replace(unfinished, folder / MANIFEST)  # a reader sees the old one or the new one
    return complete


def _check_external(folder: Path, graph: str, bundle: Bundle) -> None:
    """Weights that lie beside a graph are under a digest, as everything else is."""
    beside = PurePosixPath(graph).parent
    for name in sorted(external_files(folder / graph)):
        if str(beside / name) not in bundle.files:
            raise BundleError(
                f"{folder / graph}: reads weights from {name!r:.200}, expected one of the "
                f"listed files {sorted(bundle.files)}: export the graph again, with its weights "
                f"inside"
            )


def _read_manifest(path: Path) -> object:
    if not path.is_file():
        raise BundleError(
            f"{path}: no such file; a bundle is a folder with a bundle.json: "
            f"give the folder that `python -m export` wrote"
        )
    if path.stat().st_size > MANIFEST_LIMIT_BYTES:
        raise BundleError(
            f"{path}: {path.stat().st_size} bytes, expected at most {MANIFEST_LIMIT_BYTES}"
        )
    try:
        manifest: object = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:  # JSON and UTF-8 errors are ValueErrors
        raise BundleError(f"{path}: {error}; expected JSON: copy the bundle again") from error
    version = manifest.get("format_version") if isinstance(manifest, dict) else None
    if version != FORMAT_VERSION:
        raise BundleError(
            f"{path}: format_version is {version!r}, this program reads {FORMAT_VERSION}: "
            f"export the bundle again, or use the program's version that wrote it"
        )
    return manifest


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def _inside(folder: Path, name: str) -> Path:
    """The regular file that a listed name stands for: below the folder, reached without links."""
    relative = PurePosixPath(name)
    if not name or "\\" in name or relative.is_absolute() or ".." in relative.parts:
        raise BundleError(f"{folder}: lists {name!r}, expected a path inside of the bundle")
    path = folder
    for part in relative.parts:
        path = path / part
        if path.is_symlink():
            raise BundleError(f"{path}: is a link; a bundle holds plain files: copy it with cp -L")
    if not path.is_file():
        raise BundleError(f"{path}: missing, bundle.json lists it: copy the whole bundle again")
    return path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
