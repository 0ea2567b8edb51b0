"""Train and score models.

python -m training street                 train a recipe, from its last checkpoint if there is one
python -m training street --num-steps 50  any value of a recipe can be changed
python -m training street --multi-resolution         every crop at 0.5, 1 and 2 times its size
python -m training street --multi-resolution.sizes 0.5 1         or at others, in one step
torchrun --nproc-per-node 2 -m training street    the same in two processes, on two GPUs if any
python -m training evaluate MODEL         score a bundle or a checkpoint beside its baselines
python -m training render street          fill the pools of rendered pairs ahead of training
python -m training study win-win          compare ways to train: one table and one plot
python -m training study multi-resolution accuracy against test resolution, several sizes and one
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import tyro

from training.recipe import MultiResolutionConfig, Recipe
from training.recipes import RECIPES
from training.stop_signals import Stopped

RUNS = Path("runs")
"""Checkpoints, logs and rendered pairs, relative to the checkout."""

MULTI_RESOLUTION = "--multi-resolution"
"""As it is, with the defaults of MultiResolutionConfig; or with one of its fields behind a dot."""


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


def main(arguments: list[str]) -> None:
    """Run one command line."""
    if arguments[:1] == ["evaluate"]:
        tyro.cli(Evaluate, prog="python -m training evaluate", args=arguments[1:]).run()
        return
    if arguments[:1] == ["render"]:
        from training.render import fill_pools

        fill_pools(_recipe(arguments[1:], prog="python -m training render"), report=print)
        return
    if arguments[:1] == ["study"]:
        from training.studies.commands import run_study

        run_study(arguments[1:])
        return
    recipe = _recipe(arguments, prog="python -m training")
    from training.distributed import from_environment
    from training.loop import train

    weights = train(recipe, RUNS / recipe.name)
    if from_environment().is_first:
        print(f"{weights}\nnow: python -m export onnx {weights} OUT")


def _recipe(arguments: list[str], *, prog: str) -> Recipe:
    configs = {name: (recipe.summary, recipe) for name, recipe in RECIPES.items()}
    if any(word.split(".")[0] == MULTI_RESOLUTION for word in arguments):
        # tyro has no flag for a part that is not there: put it there, then read its values.
        configs = {
            name: (
                summary,
                replace(r, multi_resolution=r.multi_resolution or MultiResolutionConfig()),
            )
            for name, (summary, r) in configs.items()
        }
        arguments = [word for word in arguments if word != MULTI_RESOLUTION]
    return tyro.extras.overridable_config_cli(configs, prog=prog, args=arguments)


def _guarded(command: Callable[[list[str]], None]) -> int:
    """Errors that a user can mend are one line, not a traceback."""
    try:
        command(sys.argv[1:])
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except Stopped as stopped:
        print(stopped, file=sys.stderr)
        return stopped.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(_guarded(main))
