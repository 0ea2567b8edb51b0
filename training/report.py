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


def write_report(
    model: Path, engine: str, *, only: tuple[str, ...], path: Path | None, quick: bool
) -> None:
    """Score a model and print the tables as Markdown.

    Args:
        model: a bundle's folder or a .safetensors file.
        engine: for a bundle.
        only: keys of data sets; all where empty.
        path: receives the scores as JSON.
        quick: some frames of the long data sets alone.
    """
    console = Console(stderr=True)
    runtime, answers = _runtime(model, engine)

    def run(image: NDArray[np.uint8], next_image: NDArray[np.uint8] | None) -> Prediction:
        return predict(runtime, image, next_image)

    tables = evaluate(run, quick=quick, tasks=answers, only=only, report=console.print)
    engine_line = f"{model} on {runtime.name} {runtime.version}, {dict(runtime.precisions)}"
    Console(soft_wrap=True).print(f"{engine_line}\n\n{as_markdown(tables)}", markup=False)
    if path is not None:
        rows = {task: [asdict(row) for row in table] for task, table in tables.items()}
        path.write_text(json.dumps(rows, indent=2) + "\n")


def _runtime(model: Path, engine: str) -> tuple[Runtime, tuple[str, ...]]:
    """The model, and the tasks that it answers."""
    if model.is_dir():
        bundle = read_bundle(model)
        return select_runtime(model, bundle, engine=engine).runtime, bundle.tasks
    from models.runtime.eager import EagerRuntime  # imports torch
    from models.weights import load_weights

    network = load_weights(model)
    return EagerRuntime(network), network.config.tasks
