"""Train and score models.

python -m training street                 train a recipe, from its last checkpoint if there is one
python -m training street --num-steps 50  any value of a recipe can be changed
python -m training evaluate MODEL         score a bundle or a checkpoint beside its baselines
python -m training report PATH            report.html of a run, a bundle or weights
python -m training render street          fill the pools of rendered pairs ahead of training
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from training.recipe import Recipe
from training.recipes import RECIPES

RUNS = Path("runs")
"""Checkpoints, logs and rendered pairs, relative to the checkout."""


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """Score a bundle or a checkpoint on every data set that is there, beside its baselines."""

    model: Annotated[Path, tyro.conf.Positional]
    """A bundle's folder, or a .safetensors file of weights."""
    engine: str = "auto"
    """Which runtime runs a bundle: auto, openvino or onnxruntime."""
    only: tuple[str, ...] = ()
    """Keys of data sets to score (camvid, kitti2012, tum, ...), all by default."""
    json: Path | None = None
    """Write the scores to this file too, as `python -m export onnx --scores` reads them."""
    quick: bool = False
    """Some frames of the long data sets alone."""

    def run(self) -> None:
        """Print the tables."""
        from training.report import write_report

        write_report(self.model, self.engine, only=self.only, path=self.json, quick=self.quick)


@dataclass(frozen=True, kw_only=True)
class Report:
    """Write report.html: curves, scores, confusion matrix, worst images; readable offline."""

    path: Annotated[Path, tyro.conf.Positional]
    """A run's folder, a bundle's folder, or a .safetensors file of weights."""
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """The file to write; by default report.html in the run's folder or beside the weights,
    report-NAME.html here for a bundle."""
    engine: str = "auto"
    """Which runtime runs a bundle: auto, openvino or onnxruntime."""
    only: tuple[str, ...] = ()
    """Keys of data sets to score (camvid, kitti2012, tum, ...), all by default."""
    quick: bool = False
    """Some frames of the long data sets alone."""

    def run(self) -> None:
        """Score and write."""
        from training.report_html.write import write_html

        written = write_html(
            self.path,
            engine=self.engine,
            only=self.only,
            quick=self.quick,
            output=self.output,
            say=lambda line: print(line, file=sys.stderr),
        )
        print(written)


def main(arguments: list[str]) -> None:
    """Run one command line."""
    if arguments[:1] == ["evaluate"]:
        tyro.cli(Evaluate, prog="python -m training evaluate", args=arguments[1:]).run()
        return
    if arguments[:1] == ["report"]:
        tyro.cli(Report, prog="python -m training report", args=arguments[1:]).run()
        return
    if arguments[:1] == ["render"]:
        from training.render import fill_pools

        fill_pools(_recipe(arguments[1:], prog="python -m training render"), report=print)
        return
    recipe = _recipe(arguments, prog="python -m training")
    from training.loop import train

    weights = train(recipe, RUNS / recipe.name)
    print(f"{weights}\nnow: python -m export onnx {weights} OUT")
    if recipe.report != "none":
        Report(path=weights.parent, quick=recipe.report == "quick").run()


def _recipe(arguments: list[str], *, prog: str) -> Recipe:
    configs = {name: (recipe.summary, recipe) for name, recipe in RECIPES.items()}
    return tyro.extras.overridable_config_cli(configs, prog=prog, args=arguments)


def _guarded(command: Callable[[list[str]], None]) -> int:
    """Errors that a user can mend are one line, not a traceback."""
    try:
        command(sys.argv[1:])
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_guarded(main))
