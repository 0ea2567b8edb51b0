"""Every engine beside PyTorch, as a table."""

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


def verify(
    folder: Path, *, checkpoint: Path | None, engines: tuple[str, ...], quick: bool
) -> list[Difference]:
    """Print the worst difference per map and engine; returns those that are too large.

    Args:
        folder: of the bundle.
        checkpoint: the reference's weights; those that lie in the graphs where None.
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
    return failures


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
    for heading in ("map", "worst", "at size", "worst mean", "allowed mean", "unit", ""):
        table.add_column(heading)
    for name, unit in UNITS.items():
        of_map = [d for d in differences if d.map_name == name]
        if not of_map:
            continue
        worst = max(of_map, key=lambda d: (d.worst != d.worst, d.worst))
        mean = max(of_map, key=lambda d: (d.mean != d.mean, d.mean))
        verdict = "ok" if all(d.passed for d in of_map) else "TOO LARGE"
        numbers = f"{worst.worst:.2g}", worst.size, f"{mean.mean:.2g}", f"{mean.allowed:.2g}"
        table.add_row(name, *numbers, unit, verdict)
    return table
