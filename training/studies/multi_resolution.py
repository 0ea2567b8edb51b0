"""Accuracy against test resolution, trained with and without ResFormer's step: the options.

The study itself is resolution_study.py, which imports torch.
"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class MultiResolutionStudy:
    """Train with and without the multi-resolution step, and test from 0.25 to 4 times the size.

    What is finished is not done again: a study that was stopped goes on where it was.
    """

    model: str = "lookup-t"
    """Name of a preset."""
    minutes: float = 30.0
    """Of training, for each method."""
    canvas: tuple[int, int] = (128, 160)
    """(height, width) in pixels of a training crop: the resolution 1."""
    sizes: tuple[float, ...] = (0.5, 1.0, 2.0)
    """Of the copies in a step, as factors of the canvas."""
    test_sizes: tuple[float, ...] = (0.25, 0.35, 0.5, 0.71, 1.0, 1.41, 2.0, 2.83, 4.0)
    """Factors of the canvas, ascending, at which is tested."""
    equal_steps: bool = True
    """Also train at one size for as many steps as there were at several."""
    num_images: int = 20
    """CamVid frames to test on."""
    num_pairs: int = 16
    """Rendered pairs to test on, in each shape."""
    num_workers: int = 1
    """Processes that prepare data."""
    threads: int | None = None
    """Of PyTorch. None: one per core."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["f32", "bf16"] = "bf16"
    out: Path = Path("runs/studies/multi-resolution")
    """Receives the weights, the table, the numbers and the plots."""
    quick: bool = False
    """Seconds of training and a few test images: shows that everything runs, proves nothing."""

    def run(self) -> None:
        """Train, test, and write report.md, results.json and the plots."""
        from training.studies.resolution_study import run_study  # imports torch

        run_study(self.shortened() if self.quick else self)

    def shortened(self) -> "MultiResolutionStudy":
        """The same in seconds."""
        return replace(
            self,
            minutes=min(self.minutes, 0.05),
            canvas=(64, 96),
            num_images=2,
            num_pairs=1,
            num_workers=0,
            test_sizes=(0.5, 1.0, 2.0),
            out=self.out.with_name(f"{self.out.name}-quick"),
        )

    def settings(self) -> dict[str, object]:
        """All that makes the results what they are."""
        plain = asdict(self)
        for name in ("out", "quick", "num_workers", "equal_steps"):
            del plain[name]
        return plain
