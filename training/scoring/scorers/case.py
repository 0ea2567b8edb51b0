"""Images that stay in memory because a report shows them: the worst ones, and the best."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Case:
    """One image with truth and answer. Arrays share (h, w); which they are depends on the task."""

    name: str
    badness: float
    """Of this image alone, higher is worse."""
    scores: dict[str, float]
    """Of this image alone, by the metric's name."""
    image: NDArray[np.uint8]
    truth: NDArray[Any]
    answer: NDArray[Any]
    error: NDArray[np.float32] | None = None
    """(h, w) NaN where unknown."""
    uncertainty: NDArray[np.float32] | None = None
    """(h, w) in the unit of `error`."""


@dataclass(kw_only=True)
class Cases:
    """The worst few of all that are added, and the best one."""

    num_worst: int
    _worst: list[Case] = field(default_factory=list, init=False)
    _best: Case | None = field(default=None, init=False)

    def add(self, case: Case) -> None:
        """Keep it, or not."""
        if self._best is None or case.badness < self._best.badness:
            self._best = case
        self._worst = sorted([*self._worst, case], key=lambda kept: -kept.badness)
        self._worst = self._worst[: self.num_worst]

    @property
    def worst(self) -> tuple[Case, ...]:
        """Worst first."""
        return tuple(self._worst)

    @property
    def best(self) -> Case | None:
        """None if it is among the worst: too few were added."""
        return None if any(case is self._best for case in self._worst) else self._best


@dataclass(frozen=True, kw_only=True)
class ImageScore:
    """One number for each image, in the order of the data set."""

    name: str
    value: float
