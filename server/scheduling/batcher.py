"""Which jobs the engine takes next, and when. Pure policy: no clock, no thread, no pixels.

Images, pairs and frames of streams of all sizes wait together. The most urgent one leads the next
batch, and others join it while all together gain more than those in the batch lose. What one more
saves is a call of its own, which everyone behind the batch has less to wait; what it costs is its
own pixels and the padding that it brings, which everyone in the batch has to wait for. So a device
with costly calls runs large batches of like sizes, and a CPU runs one job at a time.

A batch closes when the next job would break the pixel budget, when it would make a member late, or
when waiting for the next arrival would cost more than it gains.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from math import fsum

from models.image.sizes import padded_size
from server.scheduling.cost import GAIN, CostModel, Shape
from server.scheduling.job import Priority
from server.scheduling.lane import Lane, Waiting

LOOK_AHEAD = 64  # candidates that are weighed for one batch
UNBOUNDED_PX = 2**62
TRY_EVERY = 20  # batches: so often one that may pay runs, to learn whether it does
RATE_STEP = 0.2  # weight of the newest gap between arrivals


@dataclass(frozen=True, kw_only=True)
class BatchPolicy:
    """Bounds of a batch. What is best within them, the costs say."""

    pixel_budget: int
    """Most pixels of the padded array. A larger image runs alone, its frames one by one."""
    max_jobs: int = 32
    """1 switches batches off."""
    max_wait_s: float = 0.05
    """That the first of a batch waits for company at most. 0 never waits."""
    aging_s: float = 2.0
    """The lane of batch work leads every other batch once somebody has waited there so long."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What to do now. Those in `run` and `expired` have left the queue."""

    run: tuple[Waiting, ...] = ()
    """Together, in one batch."""
    together: bool = True
    """Encode all their frames in one array, else one after the other."""
    expired: tuple[Waiting, ...] = ()
    """To be told that they waited too long."""
    wake_s: float | None = None
    """Somebody waits for company: ask again then, or when somebody comes."""


class Batcher:
    """The queue of one engine. Not thread-safe: its worker holds a lock around it."""

    def __init__(self, policy: BatchPolicy, cost: CostModel) -> None:
        self.policy = policy
        self.cost = cost
        self._lanes = {priority: Lane() for priority in Priority}
        self._aged_led = False
        self._num_untried = 0
        self._last_arrival_s: float | None = None
        self._gap_s: float | None = None

    def __len__(self) -> int:
        return sum(len(lane) for lane in self._lanes.values())

    @property
    def num_pixels(self) -> int:
        """Of all that wait."""
        return sum(lane.num_pixels for lane in self._lanes.values())

    def add(self, waiting: Waiting, *, again: bool = False) -> None:
        """Stand in the queue. `again`: it ran already, so it is no arrival."""
        self._lanes[waiting.priority].add(waiting)
        if again:
            return
        if self._last_arrival_s is not None:
            gap_s = max(waiting.arrived_s - self._last_arrival_s, 0.0)
            known = gap_s if self._gap_s is None else self._gap_s
            self._gap_s = known + RATE_STEP * (gap_s - known)
        self._last_arrival_s = waiting.arrived_s

    def __contains__(self, id_: int) -> bool:
        return any(id_ in lane for lane in self._lanes.values())

    def drop(self, id_: int) -> bool:
        """Leave the queue; false if it is not there (any more)."""
        return any(lane.remove(id_) is not None for lane in self._lanes.values())

    def take_all(self) -> tuple[Waiting, ...]:
        """Everybody leaves."""
        everybody = tuple(chain.from_iterable(self._lanes.values()))
        for waiting in everybody:
            self.drop(waiting.id)
        return everybody

    def seconds_ahead(self, priority: Priority, deadline_s: float, *, now_s: float) -> float:
        """Expected seconds of engine time before a job with this deadline would have its turn."""
        interactive, batch = self._lanes[Priority.INTERACTIVE], self._lanes[Priority.BATCH]
        own_s = fsum(
            self._alone_s(one) for one in self._lanes[priority] if one.deadline_s <= deadline_s
        )
        if priority is Priority.BATCH:
            return own_s + fsum(self._alone_s(one) for one in interactive)
        if not self._has_aged(now_s):
            return own_s
        # The other lane leads every other batch.
        return own_s + min(own_s, fsum(self._alone_s(one) for one in batch))

    def next_batch(
        self, *, now_s: float, room_px: int = UNBOUNDED_PX, engine_is_idle: bool = True
    ) -> Decision:
        """The next batch, if it is time for one, and all whose deadline has passed.

        Args:
            room_px: padded pixels that fit into the memory that is free. No batch has more, but
                an image that is larger runs alone, or waits until the engine is idle.
            engine_is_idle: whether no other batch runs.
        """
        expired = tuple(self._expired(now_s))
        lane = self._leading_lane(now_s)
        leader = None if lane is None else lane.first
        if leader is None:
            return Decision(expired=expired)
        if not engine_is_idle and leader.shape.size[0] * leader.shape.size[1] > room_px:
            return Decision(expired=expired)
        budget = min(self.policy.pixel_budget, room_px)
        members, may_grow = self._members(leader, now_s=now_s, budget=budget)
        if may_grow:
            wake_s = self._worth_waiting_until(members, now_s=now_s, budget=budget)
            if wake_s is not None:
                return Decision(expired=expired, wake_s=wake_s)
        for member in members:
            self.drop(member.id)
        # Somebody was there to share with, and nobody did.
        missed = len(members) == 1 and len(self) > 0
        self._num_untried = self._num_untried + 1 if missed else 0
        self._aged_led = leader.priority is Priority.BATCH and self._lanes_compete
        shapes = [member.shape for member in members]
        together = len(members) > 1 or (
            _padded_px(shapes) <= budget and self.cost.frames_together(leader.shape)
        )
        return Decision(run=tuple(members), together=together, expired=expired)

    @property
    def _lanes_compete(self) -> bool:
        return len(self._lanes[Priority.INTERACTIVE]) > 0

    def _expired(self, now_s: float) -> Iterator[Waiting]:
        for lane in self._lanes.values():
            while (first := lane.first) is not None and first.deadline_s <= now_s:
                lane.remove(first.id)
                yield first

    def _has_aged(self, now_s: float) -> bool:
        return now_s - self._lanes[Priority.BATCH].oldest_arrival_s >= self.policy.aging_s

    def _leading_lane(self, now_s: float) -> Lane | None:
        interactive, batch = self._lanes[Priority.INTERACTIVE], self._lanes[Priority.BATCH]
        if not batch:
            return interactive or None
        if not interactive or (self._has_aged(now_s) and not self._aged_led):
            return batch
        return interactive

    def _candidates(self, leader: Waiting) -> Iterator[Waiting]:
        """The leader's lane behind it, then the other one."""
        own = self._lanes[leader.priority]
        others = (lane for lane in self._lanes.values() if lane is not own)
        return (one for one in chain(own, *others) if one.id != leader.id)

    def _members(self, leader: Waiting, *, now_s: float, budget: int) -> tuple[list[Waiting], bool]:
        """The batch that the leader leads, and whether it could take more."""
        members, shapes = [leader], [leader.shape]
        if leader.alone or self.policy.max_jobs == 1 or _padded_px(shapes) > budget:
            return members, False
        batch_s = self.cost.batch_s(shapes)
        earliest_s = leader.deadline_s
        tries = self._num_untried >= TRY_EVERY
        for weighed, candidate in enumerate(self._candidates(leader)):
            if len(members) == self.policy.max_jobs or weighed == LOOK_AHEAD:
                return members, False
            if candidate.alone:
                continue
            grown = [*shapes, candidate.shape]
            if _padded_px(grown, stride=self.cost.stride) > budget:
                return members, False
            grown_s = self.cost.batch_s(grown)
            earliest_s = min(earliest_s, candidate.deadline_s)
            if now_s + grown_s > earliest_s:
                return members, False
            num_behind = len(self) - len(members)
            if self._gains(
                candidate.shape,
                batch_s,
                grown_s,
                num_members=len(members),
                num_behind=num_behind,
                doubt_s=0.0 if tries else self._doubt_s(shapes, candidate.shape),
            ):
                members.append(candidate)
                if tries:
                    return members, False
                shapes, batch_s = grown, grown_s
        return members, len(members) < self.policy.max_jobs

    def _doubt_s(self, shapes: list[Shape], one_more: Shape) -> float:
        """By so much the saving of one more may be smaller than expected."""
        has_flow = one_more.has_flow and any(shape.has_flow for shape in shapes)
        return self.cost.doubt_s(has_flow=has_flow)

    def _gains(
        self,
        shape: Shape,
        batch_s: float,
        grown_s: float,
        *,
        num_members: int,
        num_behind: int,
        doubt_s: float,
    ) -> bool:
        """Whether all finish earlier, summed up, if one more joins a batch.

        It and everyone behind save its own call; every member waits for its pixels.
        """
        alone_s = self.cost.alone_s(shape)
        saved_s = batch_s + alone_s - grown_s - doubt_s
        if saved_s < GAIN * alone_s:
            return False
        return num_behind * saved_s >= num_members * (grown_s - batch_s)

    def _worth_waiting_until(
        self, members: list[Waiting], *, now_s: float, budget: int
    ) -> float | None:
        """When a batch should stop to wait for one more, None if it should not begin to."""
        if self._gap_s is None or self._last_arrival_s is None or self.policy.max_wait_s == 0:
            return None
        shapes = [member.shape for member in members]
        twin = members[0].shape
        grown = [*shapes, twin]
        if _padded_px(grown, stride=self.cost.stride) > budget:
            return None
        batch_s, grown_s = self.cost.batch_s(shapes), self.cost.batch_s(grown)
        doubt_s = self._doubt_s(shapes, twin)
        if not self._gains(
            twin,
            batch_s,
            grown_s,
            num_members=len(members),
            num_behind=len(self) - len(members) + 1,
            doubt_s=doubt_s,
        ):
            return None
        saved_s = batch_s + self.cost.alone_s(twin) - grown_s - doubt_s
        # Each member waits a gap between arrivals, for one call less.
        bearable_s = saved_s / len(members)
        if self._gap_s > bearable_s:
            return None
        until_s = min(
            self._last_arrival_s + bearable_s,
            min(member.arrived_s for member in members) + self.policy.max_wait_s,
            min(member.deadline_s for member in members) - grown_s,
        )
        return until_s if until_s > now_s else None

    def _alone_s(self, waiting: Waiting) -> float:
        return self.cost.alone_s(waiting.shape)


def _padded_px(shapes: list[Shape], *, stride: int = 1) -> int:
    """Of one array that holds all their frames."""
    height, width = padded_size([shape.size for shape in shapes], multiple=stride)
    return height * width * sum(shape.num_frames for shape in shapes)
