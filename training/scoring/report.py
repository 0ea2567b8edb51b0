"""`python -m training evaluate`: from a path to printed tables."""

import json
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from training.scoring.evaluate import as_markdown, evaluate
from training.scoring.remembering import Remembering
from training.scoring.scored_model import open_model
from training.scoring.suites import suites_of


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
    scored = open_model(model, engine=engine)
    found = evaluate(
        Remembering(scored.runtime),
        quick=quick,
        tasks=scored.tasks,
        class_names=scored.class_names,
        only=only,
        suites=suites,
        report=console.print,
    )
    text = f"{model} on {scored.engine}\n\n{as_markdown(found.tables)}"
    Console(soft_wrap=True).print(text, markup=False)
    if path is not None:
        rows = {task: [asdict(row) for row in table] for task, table in found.tables.items()}
        path.write_text(json.dumps(rows, indent=2) + "\n")
