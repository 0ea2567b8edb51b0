"""What each optimizer step sees: a batch of real images, one of rendered scenes, one of pairs; and
where a recipe names such data, one of real images with depth and one of real pairs.

Each sample follows from the seed, its kind, the step and its number in the step alone: a run that
resumes, or that has another number of workers or of processes, sees the same, and a process makes
only its own share.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from torch.utils.data import Dataset

from models.task import CLASS_NAMES
from models.windows import STRIDE
from training.data.batch import Batch, collate
from training.data.draws import Draws, Target
from training.data.sample import Cut
from training.data.share import Share
from training.data.token_budget import num_passes, num_samples, tokens_of
from training.data.win_win import WindowShape, draw_shape, largest_shape
from training.recipe import DataConfig

# What a random generator is for: the second number of its seed. 1 is draw_chance's.
STEP, IMAGES, SCENES_ALONE, PAIRS, DEPTH_IMAGES, REAL_PAIRS = 0, 2, 3, 4, 5, 6
SMALLEST_PAIR = 0.75
"""Of the usual crop: in less of a pair hardly anything is seen in both frames."""
MAX_SHAPE_CHANGE = 0.15
"""How much longer one side of a crop may be than usual, and the other shorter, in logs."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One of the batches of a step."""

    number: int
    """Part of the seed of its samples."""
    make: Callable[[np.random.Generator, Target], Cut]
    num_samples: int
    """As the recipe says."""
    window: tuple[int, int]
    """The usual (height, width) in pixels of its crops."""
    num_frames: int = 1
    rendered: bool = False


@dataclass(frozen=True)
class StepBatches(Dataset[list[Batch]]):
    """Step number -> the batches of that step."""

    config: DataConfig
    share: Share = Share()
    """Of the process; a batch that has fewer samples than processes is a blank one for the last."""
    class_names: tuple[str, ...] = CLASS_NAMES
    """Of the model, which the labelled images must have; empty without a segmentation head."""

    def __getitem__(self, step: int) -> list[Batch]:
        kinds = [kind for kind in self._kinds if kind.num_samples]
        targets = self._targets(step, kinds)
        counts = self._counts(kinds, targets)
        parts = zip(kinds, targets, counts, strict=True)
        return [self._batch(kind, target, count, step) for kind, target, count in parts]

    def check_budgets(self, tokens_per_pass: int | None, *, times: float = 1.0) -> None:
        """Before the first step: that the largest samples that any step may draw fit.

        Args:
            tokens_per_pass: most tokens of a pass, of one process.
            times: how often a pass sees a sample, larger copies counted as what they are.

        Raises:
            BudgetError: they do not fit into a step or into a pass.
        """
        kinds = [kind for kind in self._kinds if kind.num_samples]
        for targets in self._largest_targets(kinds):
            tokens = [self._tokens(kind, t) for kind, t in zip(kinds, targets, strict=True)]
            if self.config.tokens_per_step is not None:
                num_samples(self.config.tokens_per_step, ratio=[1] * len(kinds), tokens=tokens)
            if tokens_per_pass is not None:
                num_passes(
                    1, math.ceil(max(tokens) * times), accumulate=1, tokens_per_pass=tokens_per_pass
                )

    def check_data(self) -> None:
        """Before the first step: that all data that some step draws from are there and can be read.

        Raises:
            ValueError: as training.data.draws.Draws.check does.
        """
        # Nothing that it has opened goes into the processes that prepare data.
        Draws(self.config, self.class_names).check()

    def _largest_targets(self, kinds: list[Kind]) -> list[list[Target]]:
        config = self.config
        found: list[list[Target]] = []
        if config.two_windows_share > 0:
            found.append([largest_shape(config.windows, stride=STRIDE)] * len(kinds))
        if config.two_windows_share < 1:
            low, high = config.canvas_range
            change = MAX_SHAPE_CHANGE if low < high else 0.0
            shapes = np.exp(np.linspace(-change, change, 201))
            largest: list[Target] = []
            for kind in kinds:
                crops = [_crop(kind.window, high, float(x)) for x in shapes]
                largest.append(max(crops, key=tokens_of))
            found.append(largest)
        return found

    @cached_property
    def draws(self) -> Draws:
        """Where samples come from."""
        return Draws(self.config, self.class_names)

    @property
    def _kinds(self) -> tuple[Kind, ...]:
        c, draws = self.config, self.draws
        return (
            Kind(number=IMAGES, make=draws.image, num_samples=c.images_per_step, window=c.window),
            Kind(
                number=SCENES_ALONE,
                make=draws.scene,
                num_samples=c.scenes_per_step,
                window=c.pair_window,
                rendered=True,
            ),
            Kind(
                number=PAIRS,
                make=draws.pair,
                num_samples=c.pairs_per_step,
                window=c.pair_window,
                num_frames=2,
                rendered=True,
            ),
            Kind(
                number=DEPTH_IMAGES,
                make=draws.depth_image,
                num_samples=c.depth_images_per_step if c.depth else 0,
                window=c.pair_window,
            ),
            Kind(
                number=REAL_PAIRS,
                make=draws.real_pair,
                num_samples=c.real_pairs_per_step if c.pairs else 0,
                window=c.pair_window,
                num_frames=2,
            ),
        )

    def _targets(self, step: int, kinds: list[Kind]) -> list[Target]:
        """What is cut from the samples of each kind: squares for all of them, or crops."""
        rng = np.random.default_rng([self.config.seed, STEP, step])
        if rng.random() < self.config.two_windows_share:
            squares = draw_shape(rng, self.config.windows, stride=STRIDE)
            return [squares for _ in kinds]
        return [self._crop_size(step, kind) for kind in kinds]

    def _crop_size(self, step: int, kind: Kind) -> tuple[int, int]:
        """Larger or smaller than the usual one, of about the same shape, on the stride."""
        rng = np.random.default_rng([self.config.seed, STEP, step, kind.number])
        low, high = self.config.canvas_range
        low = min(max(low, SMALLEST_PAIR), high) if kind.num_frames == 2 else low
        factor = float(np.exp(rng.uniform(np.log(low), np.log(high))))
        change = MAX_SHAPE_CHANGE if low < high else 0.0
        return _crop(kind.window, factor, float(np.exp(rng.uniform(-change, change))))

    def _counts(self, kinds: list[Kind], targets: list[Target]) -> tuple[int, ...]:
        """Samples of each kind. Fewer of larger crops: a step keeps its number of pixels."""
        config = self.config
        tokens = [self._tokens(kind, t) for kind, t in zip(kinds, targets, strict=True)]
        usual = [self._tokens(kind, kind.window) for kind in kinds]
        ratio = [kind.num_samples for kind in kinds]
        if config.tokens_per_step is not None:
            return num_samples(config.tokens_per_step, ratio=ratio, tokens=tokens)
        if isinstance(targets[0], WindowShape):
            return tuple(ratio)
        parts = zip(ratio, usual, tokens, strict=True)
        return tuple(max(round(n * own / now), 1) for n, own, now in parts)

    def _tokens(self, kind: Kind, target: Target) -> int:
        """Of one sample."""
        if not isinstance(target, WindowShape):
            return tokens_of(*[target] * kind.num_frames)
        frames = [(target.side, target.side), (target.next_side, target.next_side)]
        num_windows = self.config.windows.num_windows
        return tokens_of(*frames[: kind.num_frames], num_windows=num_windows)

    def _batch(self, kind: Kind, target: Target, num_samples: int, step: int) -> Batch:
        """This process's share of the samples of a kind."""
        own = self.share.of(num_samples)

        def cut_of(index: int) -> Cut:
            rng = np.random.default_rng([self.config.seed, kind.number, step, index])
            return kind.make(rng, target)

        if not own:  # of the right shape, and nothing is known about it
            return collate([cut_of(0)], rendered=kind.rendered).blank()
        return collate([cut_of(index) for index in own], rendered=kind.rendered)


def _crop(window: tuple[int, int], factor: float, shape: float) -> tuple[int, int]:
    """(height, width) in pixels on the stride, `factor` times the window's and `shape` as wide."""
    height, width = window
    rows = max(round(height * factor / shape / STRIDE), 1)
    cols = max(round(width * factor * shape / STRIDE), 1)
    return rows * STRIDE, cols * STRIDE
