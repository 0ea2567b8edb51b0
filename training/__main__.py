"""Train and score models.

python -m training street                 train a recipe, from its last checkpoint if there is one
python -m training street --num-steps 50  any value of a recipe can be changed
python -m training street --multi-resolution         every crop at 0.5, 1 and 2 times its size
python -m training street --multi-resolution.sizes 0.5 1         or at others, in one step
torchrun --nproc-per-node 2 -m training street    the same in two processes, on two GPUs if any
python -m training new my-task            write a recipe of one's own, with comments, to my_task.py
python -m training my_task.py             train it
python -m training groups RECIPE          what starts from where, what learns, and at which rate
python -m training evaluate MODEL         score a bundle or a checkpoint beside its baselines
python -m training report PATH            report.html of a run, a bundle or weights
python -m training data                   the data sets that recipes can name
python -m training data NAME              what one of them holds, its files checked
python -m training render street          fill the pools of rendered pairs ahead of training
python -m training import-weights FILE OUT    start from DINOv2, DINOv3, CroCo, timm, ...
python -m training study win-win          compare ways to train: one table and one plot
python -m training study multi-resolution accuracy against test resolution, several sizes and one
python -m training merge-lora BASE ADAPTER OUT  make plain weights of a base and an adapter

RECIPE is one of ours or a file such as my_task.py.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import tyro

from training.recipe import MultiResolutionConfig, Recipe
from training.recipe_file import is_recipe_file, load_recipe
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
    """A bundle's folder, a .safetensors file of weights, or a recipe's .py file: its last run."""
    engine: str = "auto"
    """Which runtime runs a bundle: auto, openvino or onnxruntime."""
    only: tuple[str, ...] = ()
    """Keys of data sets to score (camvid, kitti2012, tum, ...), all by default."""
    data: tuple[str, ...] = ()
    """Data sets to score in place of the usual ones, as `python -m training data` lists them:
    cityscapes:val, folder:/my/images, ... All that their samples know is scored."""
    json: Path | None = None
    """Write the scores to this file too, as `python -m export onnx --scores` reads them."""
    quick: bool = False
    """Some frames of the long data sets alone."""

    def run(self) -> None:
        """Print the tables."""
        from training.report import write_report

        model = self.model
        if is_recipe_file(str(model)):
            model = RUNS / load_recipe(model).name / "weights.safetensors"
        write_report(
            model,
            self.engine,
            only=self.only,
            data=self.data,
            path=self.json,
            quick=self.quick,
        )


@dataclass(frozen=True, kw_only=True)
class MergeLora:
    """Make plain weights, as evaluation and export read them, of a base and an adapter."""

    base: Annotated[Path, tyro.conf.Positional]
    """What the adapter's run started from: a .safetensors file of weights or a bundle's folder."""
    adapter: Annotated[Path, tyro.conf.Positional]
    """The adapter.safetensors of the run."""
    out: Annotated[Path, tyro.conf.Positional]
    """The .safetensors file to write."""

    def run(self) -> None:
        """Write the file."""
        from training.adapter_file import merge_adapter

        merge_adapter(self.base, self.adapter, self.out)
        print(f"{self.out}\nnow: python -m export onnx {self.out} OUT")


@dataclass(frozen=True, kw_only=True)
class New:
    """Write a recipe with comments to a Python file, as a start for one's own task."""

    name: Annotated[str, tyro.conf.Positional]
    """Of the task, such as my-task: the recipe goes to my_task.py, its runs to runs/my-task."""
    start: Annotated[str | None, tyro.conf.arg(name="from")] = None
    """What to start from: a bundle's folder or a .safetensors file of weights."""
    data: str | None = None
    """A folder of images with labels/, depth/ or flow/ beside them (or with train/ and val/ that
    are such folders), or a data set's name such as cityscapes:train."""

    def run(self) -> None:
        """Write the file and say what comes next."""
        from training.new import write_recipe

        path = write_recipe(self.name, init=self.start, data=self.data)
        print(f"{path}\nnow: python -m training groups {path}, then: python -m training {path}")


@dataclass(frozen=True, kw_only=True)
class Data:
    """List the data sets that recipes can name, or check one: it says what it holds, or which file
    is wrong and what was expected."""

    name: Annotated[str, tyro.conf.Positional] = ""
    """camvid:train, folder:/my/images, ...; all are listed where it is left out."""
    num_samples: int = 200
    """Read so many, spread over the data set; 0 for every one."""

    def run(self) -> None:
        """Print the lines."""
        from training.data_report import check_data, list_data

        if self.name:
            check_data(self.name, num_samples=self.num_samples, report=print)
        else:
            list_data(print)


@dataclass(frozen=True, kw_only=True)
class ImportWeights:
    """Make weights of ours whose encoder is that of a published vision transformer."""

    source: Annotated[Path, tyro.conf.Positional]
    """timm, DINOv2, DINOv3, CroCo, Depth Anything: .safetensors, or .pth with plain values."""
    out: Annotated[Path, tyro.conf.Positional]
    """A .safetensors file, to train from: `python -m training new my-task --from OUT`."""
    preset: str = "vit-s"
    """The model whose neck and heads are put on the encoder; they are new."""
    num_heads: int | None = None
    """Attention heads of the encoder, where they do not follow from its width."""
    grid: tuple[int, int] | None = None
    """Rows and columns of its table of positions, where that is not square."""
    mean: tuple[float, float, float] | None = None
    """Mean of the pixels it was trained on, red green blue in [0, 1]. None: ImageNet's, or what a
    config.json beside the file says."""
    std: tuple[float, float, float] | None = None
    """And their standard deviation."""

    def run(self) -> None:
        """Print what was mapped, resampled and left out."""
        from training.import_weights import import_weights, pixel_scale, preset

        imported = import_weights(
            self.source,
            self.out,
            rest=preset(self.preset),
            num_heads=self.num_heads,
            grid=self.grid,
            pixel_scale=pixel_scale(self.mean, self.std),
        )
        print("\n".join(imported.lines()))
        print(f"{self.out}\nnow: python -m training new my-task --from {self.out}")


@dataclass(frozen=True, kw_only=True)
class Report:
    """Write report.html: curves, scores, confusion matrix, worst images; readable offline."""

    path: Annotated[Path, tyro.conf.Positional]
    """A run's folder, a bundle's folder, a .safetensors file of weights, or a recipe's .py file:
    its last run."""
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """The file to write; by default report.html in the run's folder or beside the weights,
    report-NAME.html here for a bundle."""
    engine: str = "auto"
    """Which runtime runs a bundle: auto, openvino or onnxruntime."""
    only: tuple[str, ...] = ()
    """Keys of data sets to score (camvid, kitti2012, tum, ...), all by default."""
    data: tuple[str, ...] = ()
    """Data sets to score in place of the usual ones and of the held-out parts of the run's own, as
    `python -m training data` lists them."""
    quick: bool = False
    """Some frames of the long data sets alone."""

    def run(self) -> None:
        """Score and write."""
        from training.report_html.write import write_html

        path = self.path
        if is_recipe_file(str(path)):
            path = RUNS / load_recipe(path).name
        written = write_html(
            path,
            engine=self.engine,
            only=self.only,
            data=self.data,
            quick=self.quick,
            output=self.output,
            say=lambda line: print(line, file=sys.stderr),
        )
        print(written)


COMMANDS: dict[str, type[Data | Evaluate | ImportWeights | MergeLora | New | Report]] = {
    "data": Data,
    "evaluate": Evaluate,
    "import-weights": ImportWeights,
    "merge-lora": MergeLora,
    "new": New,
    "report": Report,
}


def main(arguments: list[str]) -> None:
    """Run one command line."""
    name = arguments[0] if arguments else ""
    if name in COMMANDS:
        tyro.cli(COMMANDS[name], prog=f"python -m training {name}", args=arguments[1:]).run()
        return
    if name == "render":
        from training.render import fill_pools

        fill_pools(_recipe(arguments[1:], prog="python -m training render"), report=print)
        return
    if name == "study":
        from training.studies.commands import run_study

        run_study(arguments[1:])
        return
    if name == "groups":
        from training.groups import describe
        from training.own_classes import with_classes_of_data

        recipe = _recipe(arguments[1:], prog="python -m training groups")
        print(describe(with_classes_of_data(recipe)))
        return
    recipe = _recipe(arguments, prog="python -m training")
    from training.distributed import from_environment
    from training.loop import train
    from training.own_classes import with_classes_of_data

    recipe = with_classes_of_data(recipe)
    weights = train(recipe, RUNS / recipe.name)
    if from_environment().is_first:
        print(f"{weights}\nnow: python -m export onnx {weights} OUT")
        if recipe.report != "none":
            Report(path=weights.parent, quick=recipe.report == "quick").run()


def _recipe(arguments: list[str], *, prog: str) -> Recipe:
    several = any(word.split(".")[0] == MULTI_RESOLUTION for word in arguments)
    arguments = [word for word in arguments if word != MULTI_RESOLUTION]

    def start(recipe: Recipe) -> Recipe:
        # tyro has no flag for a part that is not there: put it there, then read its values.
        if several and recipe.multi_resolution is None:
            return replace(recipe, multi_resolution=MultiResolutionConfig())
        return recipe

    if arguments and is_recipe_file(arguments[0]):
        own = start(load_recipe(Path(arguments[0])))
        prog = f"{prog} {arguments[0]}"
        return tyro.cli(
            Recipe, prog=prog, args=arguments[1:], default=own, config=(tyro.conf.AvoidSubcommands,)
        )
    configs = {name: (recipe.summary, start(recipe)) for name, recipe in RECIPES.items()}
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
