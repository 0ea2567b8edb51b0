"""From a run, a bundle or weights to report.html."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from models.image.palette import CAMVID_PALETTE
from models.task import Task
from training.evaluate import Evaluation, evaluate
from training.remembering import Remembering
from training.report_html.contents import Contents
from training.report_html.page import render
from training.run_log import RunLog, read_run_log
from training.scored_model import ScoredModel, open_model

WEIGHTS = "weights.safetensors"
RUN_FILES = ("recipe.json", "losses.jsonl")


class ReportError(ValueError):
    """Nothing that a report could be about."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a path stands for."""

    name: str
    model: Path | None
    """A bundle's folder or a file of weights; None: the run has none yet."""
    run: Path | None
    """The run's folder."""
    default_output: Path


def find_subject(path: Path) -> Subject:
    """A run's folder, a bundle's folder, or weights, which may lie in a run's folder.

    Raises:
        ReportError: it is none of them.
    """
    if path.is_file():
        folder = path.resolve().parent
        is_run = path.name == WEIGHTS and any((folder / name).is_file() for name in RUN_FILES)
        return Subject(
            name=folder.name if is_run else path.stem,
            model=path,
            run=folder if is_run else None,
            default_output=path.with_name("report.html"),
        )
    name = path.resolve().name
    if (path / "bundle.json").is_file():
        # Not inside: bundle.json lists what is in the folder.
        return Subject(name=name, model=path, run=None, default_output=Path(f"report-{name}.html"))
    if any((path / file).is_file() for file in (*RUN_FILES, WEIGHTS)):
        weights = path / WEIGHTS
        return Subject(
            name=name,
            model=weights if weights.is_file() else None,
            run=path,
            default_output=path / "report.html",
        )
    raise ReportError(
        f"{path}: neither a run's folder ({', '.join((*RUN_FILES, WEIGHTS))}), nor a bundle's "
        f"(bundle.json), nor a .safetensors file: give one of these"
    )


def write_html(
    path: Path,
    *,
    engine: str = "auto",
    only: tuple[str, ...] = (),
    quick: bool,
    output: Path | None = None,
    say: Callable[[str], None],
) -> Path:
    """Score a model and write its report.

    Args:
        path: a run's folder, a bundle's folder, or a .safetensors file.
        engine: for a bundle.
        only: keys of data sets; all where empty.
        quick: some frames of the long data sets alone.
        output: the file; by default report.html in the run's folder or beside the weights,
            report-NAME.html in the current folder for a bundle.
        say: called with a line for each data set.

    Returns:
        The file that was written.

    Raises:
        ReportError: `path` is nothing that can be reported on.
    """
    subject = find_subject(path)
    log = None if subject.run is None else read_run_log(subject.run)
    model = None if subject.model is None else open_model(subject.model, engine=engine)
    evaluation: Evaluation | None = None
    if model is not None:
        evaluation = evaluate(
            Remembering(model.runtime),
            quick=quick,
            tasks=model.tasks,
            class_names=model.class_names,
            only=only,
            report=say,
        )
    output = output or subject.default_output
    text = render(_contents(subject, model, log, evaluation, quick=quick))
    partial = output.with_name(output.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(output)  # a reader never sees half a file
    return output


def _contents(
    subject: Subject,
    model: ScoredModel | None,
    log: RunLog | None,
    evaluation: Evaluation | None,
    *,
    quick: bool,
) -> Contents:
    facts = {} if model is None else {**model.facts, "scored by": model.engine}
    if log is not None and log.recipe:
        facts = {"about": str(log.recipe.get("summary", "")), **facts}
    return Contents(
        name=subject.name,
        made_at=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        facts=tuple(facts.items()),
        tasks=tuple(Task) if model is None else model.tasks,
        palette=CAMVID_PALETTE if model is None else model.palette,
        evaluation=evaluation,
        is_quick=quick,
        log=log,
    )
