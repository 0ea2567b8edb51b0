"""Accuracy against test resolution, trained with and without ResFormer's step.

Two or three methods train the same small model on the same crops for the same time: at one
resolution; at several in one step; and at one again, for as many steps as those were. Each is then
tested from a quarter to four times the resolution of training, in three shapes.
"""

from collections.abc import Callable
from dataclasses import replace

from rich.console import Console

from models.presets import PRESETS
from training.recipe import MultiResolutionConfig, Recipe
from training.studies.compare import Outcome, claim, compare
from training.studies.method import Budget, Method
from training.studies.multi_resolution import MultiResolutionStudy
from training.studies.resolution_report import (
    AS_MANY_STEPS,
    FLOOR,
    ONE,
    SEVERAL,
    write_report,
)
from training.studies.resolution_score import (
    ResolutionScore,
    TestSet,
    measure,
    nothing_learned,
    write_curves,
)
from training.studies.whole_crops import WholeCrops


def run_study(study: MultiResolutionStudy) -> None:
    """Train, test and write what is not there yet.

    Raises:
        ValueError: no preset has the name of the model.
        StudyError: a method failed, or the folder holds a study of other settings.
    """
    if study.model not in PRESETS:
        raise ValueError(f"{study.model} came, expected a model: one of {', '.join(PRESETS)}")
    console = Console(stderr=True)

    def report(line: str) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    claim(study.out, study.settings())
    held_out(study).render(report)
    floor = study.out / FLOOR / "curves.json"
    if not floor.is_file():
        floor.parent.mkdir(exist_ok=True)
        write_curves(floor, measure(nothing_learned, held_out(study)), held_out(study))
    text = write_report(study, train(study, report))
    report(f"{study.out}/report.md:\n\n{text}")


def held_out(study: MultiResolutionStudy) -> TestSet:
    """What is tested on."""
    return TestSet(
        canvas=study.canvas,
        sizes=study.test_sizes,
        num_images=study.num_images,
        num_pairs=study.num_pairs,
    )


def train(study: MultiResolutionStudy, report: Callable[[str], None]) -> list[Outcome]:
    """Every method, trained and scored."""
    budget = Budget(
        seconds=60 * study.minutes,
        num_points=1,
        warmup_steps=1 if study.quick else 3,
        num_workers=study.num_workers,
    )
    methods = [method(study, ONE), method(study, SEVERAL)]
    outcomes = compare(methods, budget, study.out, report=report)
    one, several = outcomes
    if study.equal_steps:
        each_s = one.fit.trained_s / one.fit.num_steps
        shorter = replace(budget, seconds=each_s * several.fit.num_steps)
        outcomes += compare([method(study, AS_MANY_STEPS)], shorter, study.out, report=report)
    return outcomes


def method(study: MultiResolutionStudy, name: str) -> Method:
    """One way to train."""
    recipe = Recipe(
        name=name,
        summary="multi-resolution study",
        model=PRESETS[study.model],
        num_steps=1,
        threads=study.threads,
        device=study.device,
        precision=study.precision,
    )
    canvas = study.canvas
    if name == SEVERAL:
        # Crops at the highest resolution, copies below: nothing is interpolated up.
        largest = max(study.sizes)
        sizes = tuple(size / largest for size in study.sizes)
        recipe = replace(recipe, multi_resolution=MultiResolutionConfig(sizes=sizes))
        canvas = (round(canvas[0] * largest), round(canvas[1] * largest))
    return Method(
        name=name,
        recipe=recipe,
        data=WholeCrops(canvas=canvas),
        score=ResolutionScore(held_out=held_out(study)),
    )
