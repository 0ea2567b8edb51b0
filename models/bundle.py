"""The bundle: the folder that export writes and the server reads. No torch.

`bundle.json` says what the graphs are, what goes in and out, and lists every file with its
SHA-256. The digests prove that a folder is whole, not where it came from.
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path, PurePosixPath

from models.external_data import external_files
from models.record import RecordError, read_record
from models.task import IGNORE_INDEX, Task

FORMAT_VERSION = 2
MANIFEST = "bundle.json"
MANIFEST_LIMIT_BYTES = 4 * 2**20  # ours are a few KiB; a larger one is not a manifest
NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
PRECISIONS = ("f32", "f16", "bf16")
CONVENTIONS = {"relative_inverse_depth": "", "metric": "m"}  # convention -> its unit

FRAME_INPUTS = {"image": "uint8", "size": "int64"}
FRAME_MAPS: dict[Task, dict[str, str]] = {
    Task.SEGMENTATION: {"labels": "uint8", "label_confidence": "float16"},
    Task.DEPTH: {"depth": "float32", "depth_uncertainty": "float16"},
    Task.FLOW: {},
}
FEATURES = "features_"  # frame outputs named so feed the flow graph as first_* and second_*
FEATURE_INPUTS = ("first_", "second_")
FLOW_MAPS = {"flow": "float32", "flow_uncertainty": "float16"}


class BundleError(ValueError):
    """A bundle that cannot be served as it is."""


@dataclass(frozen=True, kw_only=True)
class Port:
    """One input or output of a graph."""

    name: str
    dtype: str
    """NumPy's name: "uint8", "int64", "float16", "float32"."""
    axes: tuple[str, ...]
    """One word per axis: a name where it is free ("b", "h", "w/4"), digits where fixed ("3")."""


@dataclass(frozen=True, kw_only=True)
class Graph:
    """One ONNX file, or several for as many precisions."""

    file: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    precisions: tuple[str, ...] = ("f32",)
    """In which its answers were checked; the first is the preferred one where equally fast."""
    mixed: Mapping[str, str] = field(default_factory=dict)
    """Files for some of the precisions, with the same ports: what computes in it, and what stays in
    float32, is written into the graph. Of the others the engine decides by itself."""

    @property
    def files(self) -> tuple[str, ...]:
        """Of every precision."""
        return self.file, *self.mixed.values()

    def file_for(self, precision: str) -> str:
        """That an engine loads."""
        return self.mixed.get(precision, self.file)

    def __post_init__(self) -> None:
        if not set(self.mixed) <= set(self.precisions):
            raise BundleError(
                f"graph {self.file}: mixed has {sorted(self.mixed)}, precisions are "
                f"{list(self.precisions)}: list every precision that has a file"
            )
        if not self.precisions or not set(self.precisions) <= set(PRECISIONS):
            raise BundleError(
                f"graph {self.file}: precisions are {list(self.precisions)}, expected one or more "
                f"of {list(PRECISIONS)}: list those that parity was measured in"
            )


@dataclass(frozen=True, kw_only=True)
class DepthOutput:
    """What the numbers of the depth map mean."""

    convention: str
    """"relative_inverse_depth" (unknown scale and shift) or "metric" (along the axis)."""
    unit: str
    near_is_large: bool

    def __post_init__(self) -> None:
        if CONVENTIONS.get(self.convention) != self.unit:
            raise BundleError(
                f"depth is {self.convention!r} in unit {self.unit!r}, expected one of "
                f"{CONVENTIONS} (convention: unit): correct bundle.json"
            )


@dataclass(frozen=True, kw_only=True)
class SizeLimits:
    """Which images the graphs take. Sides in pixels."""

    min_side: int = 1
    max_side: int = 16384
    max_mpx: float = 50.0

    def __post_init__(self) -> None:
        if not (1 <= self.min_side <= self.max_side and self.max_mpx > 0):
            raise BundleError(
                f"size_limits are {asdict(self)}, expected 1 <= min_side <= max_side and "
                f"max_mpx > 0: correct bundle.json"
            )


@dataclass(frozen=True, kw_only=True)
class BundledFile:
    """What one file must look like."""

    sha256: str
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Training:
    """Where the weights come from."""

    recipe: str
    data: tuple[str, ...]
    steps: int


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """The content of bundle.json. Building one checks that it agrees with itself."""

    format_version: int = FORMAT_VERSION
    name: str
    version: str
    description: str = ""
    licence: str
    tasks: tuple[str, ...]
    class_names: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...]
    """(red, green, blue) of each class, 0 to 255."""
    depth: DepthOutput | None = None
    """None in a bundle that does not predict depth."""
    stride: int
    """Padded sides divide by it, px."""
    size_limits: SizeLimits
    mean: tuple[float, float, float]
    """Of RGB in [0, 255]. For information: the graphs normalise by themselves."""
    std: tuple[float, float, float]
    graphs: Mapping[str, Graph]
    """"frame", and "flow" where flow is a task."""
    files: Mapping[str, BundledFile] = field(default_factory=dict)
    """By path inside the folder; written by `write_bundle`."""
    training: Training
    scores: Mapping[str, float]

    def __post_init__(self) -> None:
        _check(self)


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


def _check(bundle: Bundle) -> None:
    if not NAME.fullmatch(bundle.name) or not NAME.fullmatch(bundle.version):
        raise BundleError(
            f"name is {bundle.name!r}, version {bundle.version!r}, expected letters, digits and "
            f"._- (1 to 64): rename them, they become a part of URLs"
        )
    known_tasks = [task.value for task in Task]
    if not bundle.tasks or not set(bundle.tasks) <= set(known_tasks):
        raise BundleError(f"tasks are {list(bundle.tasks)}, expected some of {known_tasks}")
    classes = len(bundle.class_names)
    if len(set(bundle.class_names)) != classes or classes > IGNORE_INDEX:
        raise BundleError(f"{classes} class names, expected up to {IGNORE_INDEX} different ones")
    if (classes > 0) != (Task.SEGMENTATION in bundle.tasks):
        raise BundleError(f"{classes} class names with tasks {list(bundle.tasks)}: one is wrong")
    if len(bundle.palette) != classes or any(
        not 0 <= c <= 255 for rgb in bundle.palette for c in rgb
    ):
        raise BundleError(
            f"palette has {len(bundle.palette)} colours, expected {classes}, one per class, each "
            f"[red, green, blue] from 0 to 255"
        )
    if (bundle.depth is not None) != (Task.DEPTH in bundle.tasks):
        raise BundleError(f"depth is {bundle.depth} with tasks {list(bundle.tasks)}: one is wrong")
    if bundle.stride < 1:
        raise BundleError(f"stride is {bundle.stride} px, expected 1 or more")
    expected_graphs = {"frame", "flow"} if Task.FLOW in bundle.tasks else {"frame"}
    if set(bundle.graphs) != expected_graphs:
        raise BundleError(f"graphs are {sorted(bundle.graphs)}, expected {sorted(expected_graphs)}")
    frame = bundle.graphs["frame"]
    _check_ports("input", frame, FRAME_INPUTS, exact=True)
    for task in bundle.tasks:
        _check_ports("output", frame, FRAME_MAPS[Task(task)], exact=False)
    if "flow" in bundle.graphs:
        features = {
            port.name.removeprefix(FEATURES): port.dtype
            for port in frame.outputs
            if port.name.startswith(FEATURES)
        }
        pair = {
            f"{which}_{n}": dtype for which in ("first", "second") for n, dtype in features.items()
        }
        _check_ports("input", bundle.graphs["flow"], {**pair, "size": "int64"}, exact=True)
        _check_ports("output", bundle.graphs["flow"], FLOW_MAPS, exact=False)


def _check_ports(kind: str, graph: Graph, expected: Mapping[str, str], *, exact: bool) -> None:
    ports = graph.inputs if kind == "input" else graph.outputs
    found = {port.name: port.dtype for port in ports}
    if any(found.get(name) != dtype for name, dtype in expected.items()) or (
        exact and set(found) != set(expected)
    ):
        raise BundleError(
            f"graph {graph.file}: {kind}s are {found}, expected {dict(expected)} (name: dtype): "
            f"export it again"
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
