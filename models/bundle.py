"""What a bundle is: the bundle.json that export writes and the server reads. No torch.

It says what the graphs are, what goes in and out, and lists every file with its SHA-256. The folder
itself is models.bundle_folder's.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from models.task import IGNORE_INDEX, Task

FORMAT_VERSION = 2
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
