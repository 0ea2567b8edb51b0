"""What the worker tells whoever counts."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of one graph."""

    graph: str
    num_images: int
    size: tuple[int, int]
    """(height, width) of the padded array."""
    expected_s: float
    """By the cost model, before."""
    measured_s: float
    is_cold: bool
    """The first of this shape."""


@dataclass(frozen=True, kw_only=True)
class BatchDone:
    """One batch that the engine has ended."""

    num_jobs: int
    num_frames: int
    image_pixels: int
    """Of its frames."""
    padded_pixels: int
    """Of the arrays that held them."""
    expected_s: float
    measured_s: float

    @property
    def padding_waste(self) -> float:
        """Share of its pixels that belong to no image."""
        return 1 - self.image_pixels / self.padded_pixels if self.padded_pixels else 0.0


class Watch:
    """Told from the engine's threads, some of it under their lock: be quick, and do not raise.

    This one does nothing; those that count override what they count.
    """

    def serves(self, model: str) -> None:
        """The worker has loaded this model: what comes now is clients', and about it."""

    def called(self, call: Call) -> None:
        """A graph has run."""

    def batch_done(self, batch: BatchDone) -> None:
        """A batch has run."""

    def dropped(self, reason: str) -> None:
        """A job left the queue without having run: "cancelled" or "expired"."""

    def restarted(self) -> None:
        """A thread of the engine died, and another takes its place."""
