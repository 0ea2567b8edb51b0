"""What study win-win says: a table, verdicts and a plot."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from models.task import Task
from training.studies.compare import Outcome
from training.studies.held_out import ACCURACY, Accuracy
from training.studies.kept import TITLES, TOKEN_SIDE, WAYS, Way, kept
from training.studies.plot import Curve, Panel, save_curves
from training.studies.presets import FAMILIES, Family
from training.studies.table import Cell, markdown_table

if TYPE_CHECKING:
    from training.studies.win_win import WinWin

FASTER = 4.0
"""Target: two windows take at most a quarter of the time of a step at full resolution ..."""
WITHIN = 0.01
"""... and end at most this much worse, relatively ..."""
CLEARLY = 0.05
"""... and one crop, tested whole, ends more than this much worse than two windows."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One claim, and whether the numbers bear it."""

    claim: str
    holds: bool
    numbers: str

    def line(self) -> str:
        """For the table's foot."""
        return f"- **{'yes' if self.holds else 'no'}**: {self.claim}: {self.numbers}"


def as_markdown(study: "WinWin", outcomes: Sequence[Outcome]) -> str:
    """One table per family with its verdicts, and what to know about the methods."""
    height, width = study.canvas
    parts = [
        f"# win-win: {study.task}, {study.preset} models, {height}x{width} (HxW)",
        f"{study.budget_s:g} s of training per method, {study.images_per_step} images per step, "
        f"{study.precision}. Accuracy on {study.test_images} held-out images at full resolution, "
        f"in one pass and from overlapping tiles as large as the crop.",
    ]
    for family in FAMILIES:
        found = _by_way(family, outcomes)
        if found:
            lines = [verdict.line() for verdict in verdicts(study, family, outcomes)]
            parts += [f"## {family}", _table(study, family, found), "\n".join(lines)]
    parts.append("\n".join(f"- {note}" for note in _notes(study)))
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(study: "WinWin", family: Family, found: dict[Way, Outcome]) -> str:
    accuracy = ACCURACY[Task(study.task)]
    header = [
        "trained on",
        "pixels",
        "s per step",
        "times faster",
        "s waiting for data",
        "peak MiB",
        "of it idle",
        "steps",
        f"{accuracy.title}, one pass",
        f"{accuracy.title}, tiles",
    ]
    full = found.get("full")
    rows: list[list[Cell]] = []
    for way, outcome in found.items():
        fit = outcome.fit
        what = kept(way, family, study.canvas, share=study.share, border_px=study.border_px)
        rows.append(
            [
                TITLES[way],
                f"{100 * what.share(study.canvas):.1f} %",
                fit.step_s,
                None if full is None else full.fit.step_s / fit.step_s,
                fit.wait_s,
                float(round(fit.peak_mib)),
                float(round(fit.idle_mib)),
                fit.num_steps,
                outcome.final[accuracy.key],
                outcome.final[f"{accuracy.key}_tiled"],
            ]
        )
    return markdown_table(header, rows)


def verdicts(study: "WinWin", family: Family, outcomes: Sequence[Outcome]) -> list[Verdict]:
    """The study's claims, as far as the methods that they compare are there."""
    found = _by_way(family, outcomes)
    accuracy = ACCURACY[Task(study.task)]
    said: list[Verdict] = []
    if "two" not in found:
        return said
    two = found["two"]
    reached = two.final[accuracy.key]
    if "full" in found:
        full = found["full"]
        ratio = full.fit.step_s / two.fit.step_s
        said.append(
            Verdict(
                claim=f"two windows are at least {FASTER:g} times faster per step",
                holds=ratio >= FASTER,
                numbers=f"{ratio:.1f} times",
            )
        )
        worse = loss_of(reached, full.final[accuracy.key], accuracy)
        said.append(
            Verdict(
                claim=f"they end within {WITHIN:.0%} of full resolution, or above, in equal time",
                holds=worse <= WITHIN,
                numbers=f"{accuracy.title} {reached:.3f} against {full.final[accuracy.key]:.3f}",
            )
        )
    if "crop" in found:
        crop = found["crop"].final
        worse = loss_of(crop[accuracy.key], reached, accuracy)
        aside = "" if family == "vit" else " (expected of vit alone)"
        said.append(
            Verdict(
                claim=f"one crop, tested whole, is clearly worse, by more than {CLEARLY:.0%}"
                f"{aside}",
                holds=worse > CLEARLY,
                numbers=f"{crop[accuracy.key]:.3f} whole, {crop[accuracy.key + '_tiled']:.3f} from "
                f"tiles, against {reached:.3f} of two windows",
            )
        )
    return said


def loss_of(value: float, reference: float, accuracy: Accuracy) -> float:
    """How much worse than the reference a value is, as a share of the reference; below 0: better.

    >>> round(loss_of(0.49, 0.50, Accuracy(key="", title="", higher_is_better=True)), 3)
    0.02
    """
    change = reference - value if accuracy.higher_is_better else value - reference
    return change / max(abs(reference), 1e-9)


def _notes(study: "WinWin") -> list[str]:
    patches = kept("tokens", "vit", study.canvas, share=study.share, border_px=0)
    cells = kept("tokens", "lookup", study.canvas, share=study.share, border_px=0)
    assert patches.windows is not None
    assert cells.windows is not None
    notes = [
        f"random tokens of vit: {patches.windows.num_windows} patches of {TOKEN_SIDE['vit']} px at "
        f"their own places; the convolutions of neck and head see one patch at a time.",
        f"random tokens of lookup: {cells.windows.num_windows} windows of 2x2 cells "
        f"({TOKEN_SIDE['lookup']} px): it mixes neighbours from its first layer on, so lone cells "
        f"would be border on all sides; as it is, every cell is a corner.",
        f"windows: sides drawn for every step; {study.border_px} px along their inner sides are "
        f"left out of the loss (fewer of small windows), nothing of crops and tokens.",
        "memory: peak of a process of its own, without scoring and without the process that "
        "prepares data; on a GPU what PyTorch allocated, on a CPU what was resident, libraries "
        "included (idle: those alone).",
        "before the end, scores are of averaged weights whose learning rate is still high.",
    ]
    if study.task == "flow":
        notes.append(
            "flow: a window is matched with its own window of frame 2, which follows the median "
            "motion; a tenth of those lie elsewhere. Random tokens hardly hold a motion."
        )
    return notes


def draw(paths: Sequence[Path], study: "WinWin", outcomes: Sequence[Outcome]) -> None:
    """Accuracy in one pass against training time, one panel per family."""
    accuracy = ACCURACY[Task(study.task)]
    panels = []
    for family in FAMILIES:
        found = _by_way(family, outcomes)
        if not found:
            continue
        curves = []
        for way, outcome in found.items():
            times = [at_s for at_s, _ in outcome.fit.points]
            values = [scores[accuracy.key] for scores in outcome.scores]
            colour = WAYS.index(way)
            label = f"{TITLES[way]}, {outcome.fit.step_s:.2g} s per step"
            curves.append(Curve(label=label, x=times, y=values, colour=colour))
            if way == "crop":
                tiles = outcome.final[f"{accuracy.key}_tiled"]
                label = "one crop, from tiles at the end"
                curves.append(
                    Curve(label=label, x=times[-1:], y=[tiles], colour=colour, hollow=True)
                )
        better = "higher" if accuracy.higher_is_better else "lower"
        panels.append(
            Panel(
                title=f"{family} ({study.preset})",
                x_label="training time, s of wall clock",
                y_label=f"{accuracy.title} at full resolution ({better} is better)",
                curves=curves,
            )
        )
    height, width = study.canvas
    title = f"{study.task}, {height}x{width}: accuracy for equal training time"
    save_curves(paths, panels, title=title)


def _by_way(family: Family, outcomes: Sequence[Outcome]) -> dict[Way, Outcome]:
    named = {outcome.name: outcome for outcome in outcomes}
    return {way: named[f"{family}-{way}"] for way in WAYS if f"{family}-{way}" in named}
