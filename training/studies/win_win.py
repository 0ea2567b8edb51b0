"""Win-Win's claim, measured: two windows against full resolution, crops and random tokens.

Every method trains for the same wall-clock time and is scored at full resolution on images that no
method has seen. Source of the claim: Win-Win (arXiv 2310.00632), abstract.

    python -m training study win-win                       two CPU cores, about an hour
    python -m training study win-win --preset large --canvas 1088 1920 --task flow --budget-s 7200
    python -m training study win-win --quick               seconds per method: does it run at all
"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from training.studies.method import Budget, Method

STRIDE = 16  # models.windows.STRIDE, which would import torch before --help


@dataclass(frozen=True, kw_only=True)
class WinWin:
    """Two windows against full resolution, one crop and random tokens, at equal wall-clock time."""

    task: Literal["segmentation", "depth", "flow"] = "segmentation"
    """segmentation: CamVid, enlarged. depth: rendered street scenes. flow: rendered layered pairs.
    A data set that is not there is refused at once; what is rendered needs none."""
    families: tuple[str, ...] = ("vit", "lookup")
    """Of models."""
    ways: tuple[str, ...] = ("full", "two", "four", "crop", "tokens")
    """What to compare."""
    preset: Literal["tiny", "small", "medium", "large"] = "small"
    """Size of the models. medium is vit-t and lookup-t, large vit-s and lookup-s: for a GPU."""
    canvas: tuple[int, int] = (720, 960)
    """(height, width) in px of full resolution, multiples of 16."""
    share: float = 0.125
    """Of the canvas that windows, crop and tokens keep."""
    border_px: int = 16
    """Left out of the loss at the inner sides of windows."""
    budget_s: float = 300.0
    """Wall clock that every method trains for."""
    points: int = 4
    """Times at which each is scored, for the plot."""
    images_per_step: int = 2
    """Canvases of a step, the same for every method."""
    learning_rate: float = 1e-3
    test_images: int = 34
    """Held-out images at the end; a third of them before."""
    num_scenes: int = 96
    """Rendered scenes to train on (depth, flow)."""
    seed: int = 0
    precision: Literal["f32", "bf16"] = "bf16"
    """In training."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int | None = None
    """Of PyTorch. None: one per core."""
    num_workers: int = 1
    """Processes that prepare data beside the training."""
    quick: bool = False
    """Tiny models on tiny canvases for seconds: shows that everything runs, proves nothing."""
    out: Path | None = None
    """Folder of the results. None: runs/studies/win-win/ and what the study is made of."""

    def run(self) -> None:
        """Train, score, and write results.json, table.md, plot.svg and plot.png."""
        from rich.console import Console

        from training.studies.compare import claim, compare, save_outcomes
        from training.studies.win_win_report import as_markdown, draw

        console = Console(stderr=True)

        def report(line: str) -> None:
            console.print(line, markup=False, highlight=False)

        study = self.shortened() if self.quick else self
        study.check()
        methods = study.methods(report)
        folder = study.folder()
        claim(folder, study.settings())
        outcomes = compare(methods, study.budget(), folder, report=report)
        save_outcomes(folder / "results.json", outcomes, settings=study.settings(), **machine())
        table = as_markdown(study, outcomes)
        (folder / "table.md").write_text(table)
        draw([folder / "plot.svg", folder / "plot.png"], study, outcomes)
        Console(soft_wrap=True).print(table, markup=False, highlight=False)
        report(f"{folder}: table.md, plot.svg, plot.png, results.json")

    def check(self) -> None:
        """Refuse what cannot be compared.

        Raises:
            ValueError: an unknown family or way, a canvas off the grid or too small for its share.
        """
        from training.studies.kept import WAYS
        from training.studies.presets import FAMILIES

        known: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
            ("families", self.families, FAMILIES),
            ("ways", self.ways, WAYS),
        )
        for what, given, names in known:
            unknown = sorted(set(given) - set(names))
            if unknown or not given:
                came = ", ".join(unknown) or "without a name"
                raise ValueError(f"--{what} {came}, expected some of {', '.join(names)}")
        if any(side % STRIDE or side <= 0 for side in self.canvas):
            nearest = " ".join(str(max(round(side / STRIDE), 1) * STRIDE) for side in self.canvas)
            raise ValueError(
                f"--canvas {self.canvas[0]} {self.canvas[1]}, expected a height and a width that "
                f"are multiples of {STRIDE}: the nearest are {nearest}"
            )
        if not 0 < self.share <= 0.5:
            raise ValueError(
                f"--share {self.share:g}, expected more than 0 and at most 0.5: squares of half of "
                f"a canvas hardly find room on it"
            )
        if self.budget_s <= 0 or self.points < 1:
            raise ValueError(
                f"--budget-s {self.budget_s:g} and --points {self.points}, expected both positive"
            )

    def shortened(self) -> "WinWin":
        """The same in seconds."""
        return replace(
            self,
            preset="tiny",
            canvas=(128, 192),
            budget_s=min(self.budget_s, 4.0),
            points=2,
            test_images=4,
            num_scenes=4,
            num_workers=0,
            border_px=4,
            precision="f32",
            threads=1,
        )

    def budget(self) -> "Budget":
        """For every method."""
        from training.studies.method import Budget

        return Budget(seconds=self.budget_s, num_points=self.points, num_workers=self.num_workers)

    def methods(self, report: Any) -> "list[Method]":
        """Every family in every way; what they train on is rendered first."""
        from models.task import CLASS_NAMES, Task
        from training.class_count import count_classes
        from training.recipe import DataConfig, LossWeights, OptimizerConfig, Recipe
        from training.studies.canvases import CAMVID, canvases
        from training.studies.fit import device_of
        from training.studies.held_out import HeldOut
        from training.studies.kept import WAYS, KeptBatches, kept
        from training.studies.method import Method
        from training.studies.presets import FAMILIES, study_model

        task = Task(self.task)
        source = canvases(task, self.canvas, num_train=self.num_scenes, num_test=self.test_images)
        report(f"{self.task}: preparing canvases of {self.canvas[0]}x{self.canvas[1]} (HxW)")
        source.prepare()
        weights = LossWeights()
        if task is Task.SEGMENTATION:  # rare classes count more, as where recipes train
            weights = LossWeights(class_share=count_classes((CAMVID,), CLASS_NAMES))
        found = []
        for family in (name for name in FAMILIES if name in self.families):
            crop = kept("crop", family, self.canvas, share=self.share, border_px=0)
            for way in (name for name in WAYS if name in self.ways):
                recipe = Recipe(
                    name=f"{family}-{way}",
                    summary="a method of study win-win",
                    model=study_model(family, self.preset, (task,)),
                    num_steps=1,
                    data=DataConfig(seed=self.seed),
                    optimizer=OptimizerConfig(learning_rate=self.learning_rate),
                    weights=weights,
                    precision=self.precision,
                    device=self.device,
                    threads=self.threads,
                    lookup_tokens=(),
                )
                what = kept(way, family, self.canvas, share=self.share, border_px=self.border_px)
                found.append(
                    Method(
                        name=recipe.name,
                        recipe=recipe,
                        data=KeptBatches(
                            canvases=source,
                            what=what,
                            images_per_step=self.images_per_step,
                            seed=self.seed,
                        ),
                        score=HeldOut(
                            canvases=source,
                            task=task,
                            num_images=self.test_images,
                            num_early=max(self.test_images // 3, 1),
                            tile_side=crop.crop_side,
                            device=device_of(recipe).type,
                        ),
                    )
                )
        return found

    def folder(self) -> Path:
        """Where the results lie."""
        if self.out is not None:
            return self.out
        height, width = self.canvas
        return Path("runs/studies/win-win") / f"{self.task}-{self.preset}-{height}x{width}"

    def settings(self) -> dict[str, Any]:
        """All that makes a method's result what it is; more methods may be added to a folder."""
        plain = asdict(self)
        for name in ("out", "families", "ways", "quick"):
            del plain[name]
        if self.task == "segmentation":  # equal once: results of then and now do not compare
            plain["class_weights"] = "balanced"
        return plain


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    import platform

    import torch

    from training.running.cores import NUM_CORES

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "machine": {
            "cpu": platform.processor() or platform.machine(),
            "cores": NUM_CORES,
            "gpu": gpu,
            "torch": torch.__version__,
        }
    }
