"""Who shares a batch with whom: costs against savings. Pure, like the batcher that asks.

What one more in a batch saves is a call of its own, which everyone behind the batch has less to
wait; what it costs is its own pixels and the padding that it brings, which everyone in the batch
has to wait for. It joins while all together gain more than those in the batch lose.
"""

from collections.abc import Iterable

from models.image.sizes import padded_size
from server.scheduling.cost import GAIN, CostModel, Shape
from server.scheduling.lane import Waiting


class Company:
    """A batch that grows around its leader."""

    def __init__(self, leader: Waiting, cost: CostModel, *, budget: int, max_jobs: int) -> None:
        """
        Args:
            budget: most padded pixels.
        """
        self.members = [leader]
        self.is_open = not leader.alone and max_jobs > 1 and padded_pixels([leader.shape]) <= budget
        """Whether it could take more."""
        self.seconds = cost.batch_s([leader.shape])
        self._cost = cost
        self._budget = budget
        self._max_jobs = max_jobs

    @property
    def shapes(self) -> list[Shape]:
        """Of its members."""
        return [member.shape for member in self.members]

    def invite(
        self,
        candidates: Iterable[Waiting],
        *,
        now_s: float,
        num_waiting: int,
        minds_deadlines: bool = True,
        tries: bool = False,
    ) -> "Company":
        """Take in whom it gains by, in this order, and return itself.

        Args:
            num_waiting: in the whole queue, members included.
            minds_deadlines: take nobody who would be late, or make a member late.
            tries: take in one by whom it gains as far as is known, sure or not.
        """
        for candidate in candidates:
            if not self.is_open:
                break
            if candidate.alone:
                continue
            grown = [*self.shapes, candidate.shape]
            if padded_pixels(grown, stride=self._cost.stride) > self._budget:
                self.is_open = False
                break
            grown_s = self._cost.batch_s(grown)
            if minds_deadlines:
                if now_s + grown_s > min(member.deadline_s for member in self.members):
                    self.is_open = False
                    break
                if now_s + grown_s > candidate.deadline_s:
                    continue
            num_behind = num_waiting - len(self.members)
            if self.gain_s(candidate.shape, num_behind=num_behind, is_sure=not tries) is not None:
                self.members.append(candidate)
                self.seconds = grown_s
                self.is_open = not tries and len(self.members) < self._max_jobs
        return self

    def gain_s(self, shape: Shape, *, num_behind: int, is_sure: bool = True) -> float | None:
        """Seconds of the engine that one more in this batch saves; None if it had better not.

        All must finish earlier, summed up: it and everyone behind save its own call, every member
        waits for its pixels.
        """
        alone_s = self._cost.alone_s(shape)
        shapes = [*self.shapes, shape]
        if self._cost.most_saved_s(shapes) < GAIN * alone_s:  # on a CPU: nobody need be weighed
            return None
        grown_s = self._cost.batch_s(shapes)
        saved_s = self.seconds + alone_s - grown_s
        if is_sure:
            both_flow = shape.has_flow and any(one.has_flow for one in self.shapes)
            saved_s -= self._cost.doubt_s(has_flow=both_flow)
        if saved_s < GAIN * alone_s:
            return None
        lost_s = len(self.members) * (grown_s - self.seconds)
        return saved_s if num_behind * saved_s >= lost_s else None

    def worth_waiting_until(
        self, *, now_s: float, last_arrival_s: float, gap_s: float, max_wait_s: float, num_left: int
    ) -> float | None:
        """When it should stop to wait for one more, None if it should not begin to.

        Args:
            last_arrival_s, gap_s: when somebody came, and how often somebody does.
            max_wait_s: for its first member.
            num_left: that wait and are not in it.
        """
        twin = self.members[0].shape
        grown = [*self.shapes, twin]
        if not self.is_open or padded_pixels(grown, stride=self._cost.stride) > self._budget:
            return None
        saved_s = self.gain_s(twin, num_behind=num_left + 1)
        if saved_s is None:
            return None
        # Each member waits a gap between arrivals, for one call less.
        bearable_s = saved_s / len(self.members)
        if gap_s > bearable_s:
            return None
        until_s = min(
            last_arrival_s + bearable_s,
            min(member.arrived_s for member in self.members) + max_wait_s,
            min(member.deadline_s for member in self.members) - self._cost.batch_s(grown),
        )
        return until_s if until_s > now_s else None


def padded_pixels(shapes: list[Shape], *, stride: int = 1) -> int:
    """Of one array that holds all their frames."""
    height, width = padded_size([shape.size for shape in shapes], multiple=stride)
    return height * width * sum(shape.num_frames for shape in shapes)
