"""From a run, a bundle or weights to report.html."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from models.image.palette import CAMVID_PALETTE
from models.task import Task
from training.report_html.contents import Contents
from training.report_html.page import render
from training.running.run_log import RunLog, read_run_log
from training.scoring.evaluate import Evaluation, LeftOut, evaluate
from training.scoring.remembering import Remembering
from training.scoring.scored_model import ScoredModel, open_model
from training.scoring.suites import SUITES, Suite, suites_of
from training.scoring.validation_data import held_out_of
from training.whole_file import write_whole

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
    data: tuple[str, ...] = (),
    quick: bool,
    output: Path | None = None,
    say: Callable[[str], None],
) -> Path:
    """Score a model and write its report.

    Args:
        path: a run's folder, a bundle's folder, or a .safetensors file.
        engine: for a bundle.
        only: keys of data sets; all where empty.
        data: data sets by the names of the catalogue; by default the usual ones, and the held-out
            parts of those that the run was trained on.
        quick: some frames of the long data sets alone.
        output: the file; by default report.html in the run's folder or beside the weights,
            report-NAME.html in the current folder for a bundle.
        say: called with a line for each data set.

    Returns:
        The file that was written.

    Raises:
        ReportError: `path` is nothing that can be reported on, or `output` is a folder.
        FileFormatError: a data set that was asked for is missing or broken.
    """
    subject = find_subject(path)
    output = output or subject.default_output
    # Now, not after the minutes that scoring takes.
    if output.is_dir():
        raise ReportError(f"{output} is a folder, expected the name of a file, such as report.html")
    output.parent.mkdir(parents=True, exist_ok=True)
    log = None if subject.run is None else read_run_log(subject.run)
    model = None if subject.model is None else open_model(subject.model, engine=engine)
    evaluation: Evaluation | None = None
    if model is not None:
        evaluation = _score(model, log, only=only, data=data, quick=quick, say=say)
    text = render(_contents(subject, model, log, evaluation, quick=quick))
    # Names of files need not be text: what no Unicode stands for becomes a question mark.
    write_whole(output, text.encode("utf-8", errors="replace").decode("utf-8"))
    return output


def _score(
    model: ScoredModel,
    log: RunLog | None,
    *,
    only: tuple[str, ...],
    data: tuple[str, ...],
    quick: bool,
    say: Callable[[str], None],
) -> Evaluation:
    """The data sets that were asked for; else the held-out parts of the run's own and the usual."""
    left_out: list[LeftOut] = []
    suites = suites_of(data) if data else None
    is_lenient = False
    if not data and not only and log is not None:
        own: dict[Task, list[Suite]] = {}
        for spec, part in held_out_of(log.recipe):
            reason = "it has no held-out part (val/ beside train/), so the run is not scored on it"
            try:
                found = {} if part is None else suites_of((part,))
            except (ValueError, OSError) as error:
                found, reason = {}, str(error)
            if not found:
                left_out.append(LeftOut(task="own data", title=spec, reason=reason))
                say(f"{spec} left out: {reason}")
            for task, some in found.items():
                own.setdefault(task, []).extend(some)
        if own:
            suites = {task: [*own.get(task, ()), *usual] for task, usual in SUITES.items()}
            is_lenient = True
    evaluation = evaluate(
        Remembering(model.runtime),
        quick=quick,
        tasks=model.tasks,
        class_names=model.class_names,
        only=only,
        suites=suites,
        is_lenient=is_lenient,
        report=say,
    )
    return replace(evaluation, left_out=[*left_out, *evaluation.left_out])


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
