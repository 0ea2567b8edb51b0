"""Which padded shapes the engine has met. The first call of a new one compiles and takes longer.

How much longer is learned. Where it is little (ONNX Runtime), an image runs at its own size. Where
it is much (OpenVINO: two to four times), an image of a new size borrows a shape that is warm and
little larger, or makes a rounded shape warm that its neighbours can borrow; a size that keeps
coming gets a shape of its own. The graphs are blind to padding, so the answer is the same.
"""

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import TypeVar

from models.image.sizes import ceil_to

REMEMBERED = 256  # shapes; an engine's cache is bounded too
LONGEST = 2.3  # logarithm of ten times as long: what is beyond was something else
STEP = 0.2  # weight of the newest pair of calls
WORTH_IT = 1.3  # times as long: below, a new shape is not worth any padding
WASTE = 1.25  # times the pixels that a borrowed shape may have
KEEPS_COMING = 3  # times that a size was asked for
STEPS = 8  # rounded sides per doubling

T = TypeVar("T")

Key = tuple[str, int, tuple[int, int]]
"""Graph, images, (height, width)."""


@dataclass(eq=False)
class Coldness:
    """What engines of one kind have learned together about first calls."""

    log_factor: float = 0.0
    """How many times longer they take; the logarithm, in which noise cancels out."""
    share: float = 0.0
    """How often a call met a new shape, of late."""


class KnownShapes:
    """The memory of one engine. Not thread-safe: its runtime holds a lock around it."""

    def __init__(self, *, stride: int = 1) -> None:
        self.cold = Coldness()
        self.stride = stride
        self._warm: OrderedDict[Key, float | None] = OrderedDict()
        self._asked: OrderedDict[Key, int] = OrderedDict()

    def anew(self) -> "KnownShapes":
        """Of another engine of the same kind, which has met nothing yet. Both hold one lock."""
        other = KnownShapes(stride=self.stride)
        other.cold = self.cold
        return other

    def latest(self, count: int) -> list[Key]:
        """That the engine has run, the latest first."""
        return [key for key, _ in zip(reversed(self._warm), range(count), strict=False)]

    def met(self, key: Key) -> None:
        """The engine has run it, with nobody waiting: it is warm."""
        _touch(self._warm, key, None)

    @property
    def cold_factor(self) -> float:
        """How many times longer the first call of a shape took than the second, of late."""
        return math.exp(max(self.cold.log_factor, 0.0))

    @property
    def slowdown(self) -> float:
        """How many times longer than a warm call the next one takes, on average."""
        return 1.0 + self.cold.share * (self.cold_factor - 1.0)

    @property
    def hurts(self) -> bool:
        """Whether a new shape takes so much longer that padding to a known one pays."""
        return self.cold_factor >= WORTH_IT

    def ran(self, key: Key, seconds: float) -> bool:
        """The engine has run it now. Whether for the first time.

        The second call of a shape tells how much longer the first one took.
        """
        is_cold = key not in self._warm
        first_s = None if is_cold else self._warm[key]
        if first_s is not None and seconds > 0:
            found = min(max(math.log(max(first_s, 1e-9) / seconds), -LONGEST), LONGEST)
            self.cold.log_factor += STEP * (found - self.cold.log_factor)
        _touch(self._warm, key, seconds if is_cold else None)
        self.cold.share += 0.1 * (is_cold - self.cold.share)
        return is_cold

    def shape_for(
        self, graph: str, num_images: int, size: tuple[int, int], *, max_pixels: int
    ) -> tuple[int, int]:
        """The (height, width) to run images at that fit into `size`.

        Args:
            max_pixels: of all images together that padding may lead to. Where `size` itself has
                more, it stays.
        """
        key = (graph, num_images, size)
        times = self._asked.get(key, 0) + 1
        _touch(self._asked, key, times)
        if not self.hurts or key in self._warm or times >= KEEPS_COMING:
            return size
        most = min(WASTE * size[0] * size[1], max_pixels / num_images)
        lenders = [
            shape
            for warm_graph, count, shape in self._warm
            if warm_graph == graph
            and count == num_images
            and shape[0] >= size[0]
            and shape[1] >= size[1]
            and shape[0] * shape[1] <= most
        ]
        if lenders:
            return min(lenders, key=lambda shape: shape[0] * shape[1])
        rounded = (self._rounded(size[0]), self._rounded(size[1]))
        return rounded if rounded[0] * rounded[1] <= most else size

    def _rounded(self, side: int) -> int:
        """Up to an eighth of a doubling, and to the stride."""
        octave = 1 << max(side - 1, 0).bit_length()
        return ceil_to(side, max(self.stride, octave // (2 * STEPS)))


def _touch(memory: OrderedDict[Key, T], key: Key, value: T) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > REMEMBERED:
        memory.popitem(last=False)
