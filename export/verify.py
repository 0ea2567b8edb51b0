"""Every engine beside PyTorch, as a table, and what that comparison can and cannot find."""

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console
from rich.table import Table

from export.parity import UNITS, Difference, compare
from export.sizes import QUICK_SIZES, SIZES
from export.storage import read_model
from models.bundle import Bundle
from models.bundle_folder import read_bundle
from models.runtime.eager import EagerRuntime
from models.runtime.protocol import Runtime
from models.runtime.select import ENGINES, EngineError, select_runtime

WITHOUT_CHECKPOINT = (
    "PyTorch ran the exported network with the weights that lie in the graphs. Checked: engines "
    "compute what PyTorch computes, alone and in a batch. Not checked: that folding blocks and "
    "storing weights in float16 kept the network that was trained; add --checkpoint FILE for that."
)
WITH_CHECKPOINT = (
    "PyTorch ran the network of {checkpoint} as training left it. Checked: the whole way from "
    "there to each engine, folded blocks and weights in float16 included, alone and in a batch."
)


def verify(
    folder: Path, *, checkpoint: Path | None, engines: tuple[str, ...], quick: bool
) -> list[Difference]:
    """Print the worst differences per map and engine, and what was compared; returns the too large.

    Args:
        folder: of the bundle.
        checkpoint: the reference. Where None it is the exported network with the graphs' weights:
            that has what folding and float16 made of the checkpoint, and cannot find faults in it.
        engines: names; all installed ones where empty.
        quick: leave out what takes minutes.

    Raises:
        BundleError: the folder is not a whole bundle.
        EngineError: an engine that was asked for is not there.
    """
    bundle = read_bundle(folder)
    reference = (
        EagerRuntime(read_model(folder, {name: g.file for name, g in bundle.graphs.items()}))
        if checkpoint is None
        else EagerRuntime.from_file(checkpoint)
    )
    console = Console(soft_wrap=True)
    failures: list[Difference] = []
    for runtime in _runtimes(folder, bundle, engines, console.print):
        kinds = ", ".join(f"{graph} {kind}" for graph, kind in runtime.precisions.items())
        title = f"{runtime.name} {runtime.version} ({kinds}) against PyTorch {reference.version}"
        found = []
        for difference in compare(runtime, reference, QUICK_SIZES if quick else SIZES):
            found.append(difference)
            if not difference.passed:
                failures.append(difference)
        console.print(_table(title, found))
    console.print(what_was_checked(checkpoint), markup=False, highlight=False)
    return failures


def what_was_checked(checkpoint: Path | None) -> str:
    """In words, for those who read the tables."""
    if checkpoint is None:
        return WITHOUT_CHECKPOINT
    return WITH_CHECKPOINT.format(checkpoint=checkpoint)


def _runtimes(
    folder: Path, bundle: Bundle, engines: tuple[str, ...], report: Callable[[str], None]
) -> Iterator[Runtime]:
    """Each engine in each precision that it has here."""
    unknown = set(engines) - set(ENGINES)
    if unknown:
        raise EngineError(f"engines are {sorted(unknown)}, expected some of {', '.join(ENGINES)}")
    for name in engines or [engine for engine in ENGINES if find_spec(engine) is not None]:
        seen: list[dict[str, str]] = []
        for precision in bundle.graphs["frame"].precisions:
            try:
                runtime = select_runtime(folder, bundle, engine=name, precision=precision).runtime
            except EngineError as error:
                if precision == "f32":
                    raise
                report(f"{name} {precision} was not checked here: {error}")
                continue
            if dict(runtime.precisions) not in seen:
                seen.append(dict(runtime.precisions))
                yield runtime


def _table(title: str, differences: list[Difference]) -> Table:
    table = Table(title=title)
    for heading in ("map", "worst", "allowed", "at size", "worst mean", "allowed", "unit", ""):
        # A name that is cut is no name; a verdict stands on one line.
        table.add_column(heading, overflow="fold", no_wrap=not heading)
    for name, unit in UNITS.items():
        of_map = [d for d in differences if d.map_name == name]
        if not of_map:
            continue
        worst = max(of_map, key=lambda d: (d.worst != d.worst, d.worst))
        mean = max(of_map, key=lambda d: (d.mean != d.mean, d.mean))
        verdict = "ok" if all(d.passed for d in of_map) else "TOO LARGE"
        pixel = f"{worst.worst:.2g}", f"{worst.allowed_worst:.2g}", worst.size
        average = f"{mean.mean:.2g}", f"{mean.allowed:.2g}"
        table.add_row(name, *pixel, *average, unit, verdict)
    return table
