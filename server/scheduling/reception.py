"""Who is let in: what fits into the memory, and would be answered in time."""

import time
from collections.abc import Sequence
from math import fsum, prod

from models.runtime.feature_cells import fits
from server.codecs.pixel_refusal import too_many_pixels
from server.errors import ServerError, Unusable
from server.scheduling.batcher import Batcher
from server.scheduling.cost import Shape
from server.scheduling.desk import Desk
from server.scheduling.engine import Engine
from server.scheduling.forecast import too_late
from server.scheduling.job import Job, Priority


class Reception:
    """Of one worker. Until its model is loaded, everybody is."""

    def __init__(self, engine: Engine, batcher: Batcher, desk: Desk) -> None:
        self._engine = engine
        self._batcher = batcher
        self._desk = desk

    def ahead_s(self, priority: Priority, deadline_s: float, *, now_s: float) -> float:
        """Expected seconds before a job has its turn."""
        with self._desk.changed:
            waiting_s = self._batcher.seconds_ahead(priority, deadline_s, now_s=now_s)
            running_s = self._desk.running_s(now_s=now_s)
        waiting_s *= self._engine.sharing * self._engine.shapes.slowdown
        return (waiting_s + running_s) / self._at_once

    def refusal(
        self, shapes: Sequence[Shape], *, deadline_s: float, priority: Priority
    ) -> ServerError | None:
        """Of a request with jobs of these shapes, if there is a reason."""
        model = self._engine.model
        if model is None:
            return None
        error = too_many_pixels(
            max((shape.size for shape in shapes), key=prod),
            allowed_px=model.max_pixels,
            fitting_px=self._engine.max_pixels,
        )
        if error is not None or not self._engine.cost.is_known:
            return error
        now_s = time.monotonic()
        return too_late(
            ahead_s=self.ahead_s(priority, deadline_s, now_s=now_s),
            own_s=self._own_s(shapes),
            now_s=now_s,
            deadline_s=deadline_s,
        )

    def _own_s(self, shapes: Sequence[Shape]) -> float:
        """Expected seconds of the jobs of one request. Those behind the first are a queue too."""
        longest_s, *others_s = sorted(map(self._engine.cost.alone_s, shapes), reverse=True)
        queue_s = fsum(others_s) * self._engine.sharing / self._at_once
        return (longest_s + queue_s) * self._engine.shapes.slowdown

    @property
    def _at_once(self) -> float:
        """Batches that those who come now will find to run at once."""
        return max(1.0, min(self._engine.overlap, self._engine.at_once))

    def unusable(self, job: Job) -> ServerError | None:
        """The refusal of a frame that does not fit the one before it."""
        model = self._engine.model
        if model is None or job.previous is None or not job.has_flow:
            return None
        if fits(job.previous, job.size, stride=model.bundle.stride):
            return None
        return Unusable(
            f"the frame is {job.size[0]}x{job.size[1]} (HxW), the one before it had another size, "
            f"expected the same: flow is defined between frames of one camera"
        )
