"""Which engine runs a bundle here, and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from models.bundle import Bundle
from models.runtime.cpu import usable_cores
from models.runtime.protocol import Runtime

ENGINES = ("openvino", "onnxruntime")
"""Fastest first: measured at full HD, OpenVINO is 2 to 5 times faster than ONNX Runtime."""


class EngineError(RuntimeError):
    """No engine, or not the one that was asked for, can run this bundle here."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """A runtime that is ready, and the sentence that explains the choice."""

    runtime: Runtime
    reason: str
    threads: int


def select_runtime(
    folder: Path,
    bundle: Bundle,
    *,
    engine: str = "auto",
    threads: int = 0,
    precision: str = "auto",
    cache: Path | None = None,
) -> Selection:
    """Load a checked bundle into an engine.

    Args:
        folder: where the bundle lies.
        bundle: what `read_bundle(folder)` returned.
        engine: "auto" (the first of ENGINES that works) or one of ENGINES.
        threads: of the engine; 0 takes every core that this process may use.
        precision: "auto" (bf16 for the frame graph where CPU and bundle allow it), or one of the
            bundle's precisions for every graph that lists it.
        cache: a folder for compiled graphs, for engines that compile (OpenVINO). One that cannot
            be used is left out, and the reason says so.

    Raises:
        EngineError: unknown, not installed, or it does not load the graphs.
    """
    if engine != "auto" and engine not in ENGINES:
        raise EngineError(f"engine is {engine!r}, expected auto or one of {', '.join(ENGINES)}")
    cores = threads or usable_cores()
    failures = []
    for name in ENGINES if engine == "auto" else (engine,):
        if find_spec(name) is None:
            failures.append(f"{name} is not installed")
            continue
        try:
            runtime, why = _load(
                name, folder, bundle, threads=cores, precision=precision, cache=cache
            )
        except EngineError:
            raise
        except Exception as error:  # each engine has its own exceptions, most are RuntimeError
            failures.append(f"{name} does not load the bundle ({_first_line(error)})")
            continue
        chosen = "asked for" if engine != "auto" else "fastest that works here"
        reason = "; ".join([*failures, f"{name} {runtime.version}: {chosen}", why])
        return Selection(runtime=runtime, reason=reason, threads=cores)
    raise EngineError(
        f"engine {engine}: {'; '.join(failures)}: install one with `pip install -e .[cpu]`, "
        f"or export the bundle again"
    )


def choose_precisions(
    bundle: Bundle, *, precision: str, has_bf16: bool
) -> tuple[Mapping[str, str], str]:
    """The precision of each graph, and why.

    By default flow stays in f32 unless its bundle puts bf16 first: places in an image need more
    than the eight bits of bf16, so a bundle must say that it keeps them apart.
    """
    offered = {name: graph.precisions for name, graph in bundle.graphs.items()}
    if precision != "auto":
        if not any(precision in names for names in offered.values()):
            raise EngineError(
                f"precision is {precision!r}, the bundle was checked in "
                f"{sorted({p for names in offered.values() for p in names})}: take one of these"
            )
        if precision == "bf16" and not has_bf16:
            raise EngineError("precision is bf16, but this CPU lacks it: use auto or f32")
        chosen = {name: precision if precision in offered[name] else "f32" for name in offered}
        return chosen, f"{precision} was asked for"
    if not has_bf16:
        return dict.fromkeys(offered, "f32"), "f32: this CPU lacks bf16"
    chosen = {
        name: "bf16" if names[0] == "bf16" or (name == "frame" and "bf16" in names) else "f32"
        for name, names in offered.items()
    }
    listed = ", ".join(f"{name} in {chosen[name]}" for name in chosen)
    if "bf16" in chosen.values():
        return chosen, f"{listed}: this CPU has bf16"
    return chosen, f"{listed}: the bundle was not checked in bf16"


def _load(
    name: str,
    folder: Path,
    bundle: Bundle,
    *,
    threads: int,
    precision: str,
    cache: Path | None,
) -> tuple[Runtime, str]:
    if name == "openvino":
        from models.runtime.openvino import OpenVino, cpu_has_bf16

        precisions, why = choose_precisions(bundle, precision=precision, has_bf16=cpu_has_bf16())
        if cache is not None:
            try:
                runtime = OpenVino.load(
                    folder, bundle, threads=threads, precisions=precisions, cache=cache
                )
                return runtime, f"{why}; compiled graphs are kept in {cache}"
            except RuntimeError as error:  # a full disk, a file that was cut: it costs time only
                why = f"{why}; without the cache {cache} ({_first_line(error)})"
        return OpenVino.load(folder, bundle, threads=threads, precisions=precisions), why
    from models.runtime.onnxruntime import OnnxRuntime

    # It computes in f32 on the CPU: bf16 is refused, not ignored.
    if precision not in ("auto", "f32"):
        raise EngineError(f"precision is {precision!r}, onnxruntime on the CPU has f32: use that")
    return OnnxRuntime(folder, bundle, threads=threads), "f32: all that it has on the CPU"


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:200]
