"""The methods of a study one after the other, each in a process of its own.

A fresh process per method: peak memory and the allocator's state are its own. What is finished is
not done again: a study that was stopped goes on where it was.
"""

import json
import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from training.studies.fit import Fit, fit, read_fit
from training.studies.method import Budget, Method
from training.whole_file import write_whole


class StudyError(ValueError):
    """A study that cannot go on."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One method, trained and scored."""

    name: str
    fit: Fit
    scores: tuple[dict[str, float], ...]
    """One for each of `fit.points`; the last one is on all held-out data."""

    @property
    def final(self) -> dict[str, float]:
        """Scores at the end."""
        return self.scores[-1]


def claim(folder: Path, settings: Mapping[str, Any]) -> None:
    """Write down what a study's folder is made with, unless it is made with something else.

    Args:
        folder: of the study.
        settings: plain values; all that makes its results what they are.

    Raises:
        StudyError: the folder holds results of other settings.
    """
    path = folder / "settings.json"
    new = json.loads(json.dumps(settings))
    if path.is_file():
        old = json.loads(path.read_text())
        if others := sorted(k for k in old.keys() | new.keys() if old.get(k) != new.get(k)):
            raise StudyError(
                f"{folder} holds a study with other values of {', '.join(others)}: give the ones "
                f"in {path.name}, choose another --out, or move the folder away"
            )
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(new, indent=2) + "\n")


def compare(
    methods: Sequence[Method],
    budget: Budget,
    folder: Path,
    *,
    report: Callable[[str], None],
) -> list[Outcome]:
    """Train and score every method that is not finished yet.

    Raises:
        StudyError: the process of a method failed; its message stands above.
    """
    outcomes = []
    for number, method in enumerate(methods, start=1):
        own = folder / method.name
        if not (own / "scores.json").is_file():
            report(f"{method.name}: method {number} of {len(methods)}")
            _in_child(method, budget, own)
        else:
            report(f"{method.name}: finished before, see {own}")
        scores = tuple(json.loads((own / "scores.json").read_text()))
        outcomes.append(Outcome(name=method.name, fit=read_fit(own / "fit.json"), scores=scores))
    return outcomes


def save_outcomes(path: Path, outcomes: Sequence[Outcome], **notes: Any) -> None:
    """All numbers of a study as JSON."""
    plain = {**notes, "methods": [asdict(outcome) for outcome in outcomes]}
    path.write_text(json.dumps(plain, indent=2) + "\n")


def _in_child(method: Method, budget: Budget, folder: Path) -> None:
    # Not forked: torch's threads and a GPU's context do not survive that.
    context = multiprocessing.get_context("spawn")
    child = context.Process(target=train_and_score, args=(method, budget, folder))
    child.start()
    try:
        child.join()
    except BaseException:  # interrupted: the child must not train on alone
        child.terminate()
        child.join()
        raise
    if child.exitcode:
        raise StudyError(
            f"method {method.name} failed with exit code {child.exitcode}, see above; what is "
            f"finished stays in {folder.parent}: the same command goes on from there"
        )


def train_and_score(method: Method, budget: Budget, folder: Path) -> None:
    """One method from its first step to its `scores.json`. Scores after all training is done."""
    console = Console(stderr=True)

    def report(line: str) -> None:
        console.print(line, markup=False, highlight=False)

    fitted = fit(method, budget, folder, report=report)
    scores = []
    for number, (at_s, name) in enumerate(fitted.points, start=1):
        found = method.score(folder / name, final=number == len(fitted.points))
        scores.append(found)
        shown = " ".join(f"{key} {value:.3f}" for key, value in found.items())
        report(f"{method.name}: after {at_s:.0f} s {shown}")
    write_whole(folder / "scores.json", json.dumps(scores, indent=2) + "\n")
