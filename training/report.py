"""`python -m training evaluate`: from a path to printed tables."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from models.bundle import read_bundle
from models.runtime.predictor import Prediction, predict
from models.runtime.protocol import Runtime
from models.runtime.select import select_runtime
from training.evaluate import as_markdown, evaluate
from training.suites import suites_of


def write_report(
    model: Path,
    engine: str,
    *,
    only: tuple[str, ...],
    data: tuple[str, ...] = (),
    path: Path | None,
    quick: bool,
) -> None:
    """Score a model and print the tables as Markdown.

    Args:
        model: a bundle's folder or a .safetensors file.
        engine: for a bundle.
        only: keys of data sets; all where empty.
        data: data sets by the names of the catalogue, in place of the usual ones.
        path: receives the scores as JSON.
        quick: some frames of the long data sets alone.
    """
    console = Console(stderr=True)
    suites = suites_of(data) if data else None
    runtime, answers, class_names = _runtime(model, engine)

    def run(image: NDArray[np.uint8], next_image: NDArray[np.uint8] | None) -> Prediction:
        return predict(runtime, image, next_image)

    tables = evaluate(
        run,
        quick=quick,
        tasks=answers,
        class_names=class_names,
        only=only,
        suites=suites,
        report=console.print,
    )
    engine_line = f"{model} on {runtime.name} {runtime.version}, {dict(runtime.precisions)}"
    Console(soft_wrap=True).print(f"{engine_line}\n\n{as_markdown(tables)}", markup=False)
    if path is not None:
        rows = {task: [asdict(row) for row in table] for task, table in tables.items()}
        path.write_text(json.dumps(rows, indent=2) + "\n")


def _runtime(model: Path, engine: str) -> tuple[Runtime, tuple[str, ...], tuple[str, ...]]:
    """The model, the tasks that it answers, and the names of its classes."""
    if model.is_dir():
        bundle = read_bundle(model)
        runtime = select_runtime(model, bundle, engine=engine).runtime
        return runtime, bundle.tasks, bundle.class_names
    from models.runtime.eager import EagerRuntime  # imports torch
    from models.weights import load_weights

    network = load_weights(model)
    head = network.config.segmentation
    return EagerRuntime(network), network.config.tasks, head.class_names if head else ()
