"""The commands beside training itself, each a dataclass that tyro reads from a command line.

What a command needs is imported when it runs: --help must not wait for PyTorch.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from training.own_recipe.recipe_file import is_recipe_file, load_recipe

RUNS = Path("runs")
"""Checkpoints, logs and rendered pairs, relative to the checkout."""


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
        from training.scoring.report import write_report

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
        from training.adapt.adapter_file import merge_adapter

        merge_adapter(self.base, self.adapter, self.out)
        print(f"{self.out}\nnow: python -m export onnx {self.out} OUT")


@dataclass(frozen=True, kw_only=True)
class Balance:
    """Fit a bias per class on the training images, so that mean IoU is as high as it gets."""

    weights: Annotated[Path, tyro.conf.Positional]
    """A .safetensors file of a model with a segmentation head."""
    out: Annotated[Path, tyro.conf.Positional]
    """The .safetensors file to write."""
    labelled: tuple[str, ...] = ("camvid:train",)
    """Data sets that it learned from, as `python -m training data` lists them. Never those that it
    is tested on."""

    def run(self) -> None:
        """Write the file and print the bias."""
        from training.adapt.class_bias import balance_file

        names, balance = balance_file(self.weights, self.labelled, self.out)
        for name, value in zip(names, balance.bias.tolist(), strict=True):
            print(f"{name:20} {value:+.3f}")
        print(f"mean IoU at stride 4 on {', '.join(self.labelled)}: ", end="")
        print(f"{balance.before:.4f} -> {balance.after:.4f}\n{self.out}")


@dataclass(frozen=True, kw_only=True)
class Soup:
    """Average several weights of one network: a run and what it was fine-tuned to."""

    out: Annotated[Path, tyro.conf.Positional]
    """The .safetensors file to write."""
    weights: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Two .safetensors files or more; configuration and notes are those of the first."""
    shares: tuple[float, ...] = ()
    """Of each, all the same by default."""

    def run(self) -> None:
        """Write the file."""
        from training.adapt.soup import average_files

        average_files(self.weights, self.shares or (1.0,) * len(self.weights), self.out)
        print(self.out)


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
        from training.own_recipe.new import write_recipe

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
        from training.foreign.import_weights import import_weights, pixel_scale, preset

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


COMMANDS: dict[
    str, type[Balance | Data | Evaluate | ImportWeights | MergeLora | New | Report | Soup]
] = {
    "balance": Balance,
    "data": Data,
    "evaluate": Evaluate,
    "import-weights": ImportWeights,
    "merge-lora": MergeLora,
    "new": New,
    "report": Report,
    "soup": Soup,
}
