"""Which jobs the engine takes next, and when. Pure policy: no clock, no thread, no pixels.

Images, pairs and frames of streams of all sizes wait together. The most urgent one leads the next
batch, and others join it while all together gain more than those in the batch lose. So a device
with costly calls runs large batches, and a CPU runs one job at a time.

A batch closes when the next job would break the pixel budget, when it would make a member late, or
when waiting for the next arrival would cost more than it gains.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice

from server.scheduling.company import Company, padded_pixels
from server.scheduling.cost import CostModel
from server.scheduling.job import Priority
from server.scheduling.lane import Lane, Waiting

LOOK_AHEAD = 64  # jobs that are weighed for one batch
OVERLOAD_S = 5.0  # since somebody was lost
UNBOUNDED_PX = 2**62
TRY_EVERY = 20  # batches: so often one that may pay runs, to learn whether it does
RATE_STEP = 0.2  # weight of the newest gap between arrivals
LONGEST_GAP_S = 1.0  # a night without arrivals counts no more: its memory would outlast the morning


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
    num_pixels: int = 0
    """Padded pixels of the largest array that they need at once."""
    lacks_room: bool = False
    """Whoever is next waits for the memory of what runs."""
    expired: tuple[Waiting, ...] = ()
    """To be told that they waited too long."""
    wake_s: float | None = None
    """Somebody waits for company: ask again then, or when somebody comes."""


class Batcher:
    """The queue of one engine. Not thread-safe: its worker holds a lock around it."""

    def __init__(self, policy: BatchPolicy, cost: CostModel) -> None:
        self.policy = policy
        self.cost = cost
        self._lanes = {priority: Lane(cost.work) for priority in Priority}
        self._aged_led = False
        self._num_untried = 0
        self._lost_s = float("-inf")
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
            gap_s = min(max(waiting.arrived_s - self._last_arrival_s, 0.0), LONGEST_GAP_S)
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
        own_s = self.cost.seconds(self._lanes[priority].work_until(deadline_s))
        if priority is Priority.BATCH:
            interactive = self._lanes[Priority.INTERACTIVE].work_until(float("inf"))
            return own_s + self.cost.seconds(interactive)
        if not self._has_aged(now_s):
            return own_s
        # The other lane leads every other batch.
        batch = self._lanes[Priority.BATCH].work_until(float("inf"))
        return own_s + min(own_s, self.cost.seconds(batch))

    def next_batch(
        self, *, now_s: float, room_px: int = UNBOUNDED_PX, engine_is_idle: bool = True
    ) -> Decision:
        """The next batch, if it is time for one, and all whose deadline has passed.

        Args:
            room_px: padded pixels that fit into the memory that is free. No batch has more, but
                an image that is larger runs alone, or waits until the engine is idle.
            engine_is_idle: whether no other batch runs, and nobody else waits for that.
        """
        expired = tuple(self._expired(now_s))
        if expired:
            self._lost_s = now_s
        lane = self._leading_lane(now_s)
        budget = min(self.policy.pixel_budget, room_px)
        leader = None if lane is None else self._leader(lane, now_s=now_s, budget=budget)
        if leader is None:
            return Decision(expired=expired)
        if not engine_is_idle and leader.shape.size[0] * leader.shape.size[1] > room_px:
            return Decision(expired=expired, lacks_room=True)
        company = self._company(leader, budget=budget).invite(
            self._candidates(leader, now_s=now_s),
            now_s=now_s,
            num_waiting=len(self),
            tries=self._num_untried >= TRY_EVERY,
        )
        wake_s = self._waits_until(company, now_s=now_s)
        if wake_s is not None:
            return Decision(expired=expired, wake_s=wake_s)
        members = company.members
        for member in members:
            self.drop(member.id)
        # Somebody was there to share with, and nobody did.
        missed = len(members) == 1 and len(self) > 0
        self._num_untried = self._num_untried + 1 if missed else 0
        self._aged_led = leader.priority is Priority.BATCH and self._lanes_compete
        together = len(members) > 1 or (
            padded_pixels(company.shapes) <= budget and self.cost.frames_together(leader.shape)
        )
        frame = replace(leader.shape, num_frames=1)
        return Decision(
            run=tuple(members),
            together=together,
            num_pixels=padded_pixels(company.shapes if together else [frame]),
            expired=expired,
        )

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

    def _leader(self, lane: Lane, *, now_s: float, budget: int) -> Waiting | None:
        """The most urgent that can still be answered in time; if nobody can, the most urgent.

        Most urgent first serves an overloaded queue worst: each is run just before its deadline,
        so ends just after it. And one whose deadline leaves no room for company keeps batches
        small when they should be large. So while jobs are being lost, the leader is the most
        urgent one that has time for a full batch.
        """
        ahead = list(islice(lane, LOOK_AHEAD))
        in_time = [one for one in ahead if now_s + self._alone_s(one) <= one.deadline_s]
        if not in_time:
            return lane.first
        if in_time[0] is not ahead[0]:
            self._lost_s = now_s
        if not self._is_overloaded(now_s):
            return in_time[0]
        full = self._company(in_time[0], budget=budget).invite(
            self._candidates(in_time[0], now_s=now_s),
            now_s=now_s,
            num_waiting=len(self),
            minds_deadlines=False,
        )
        for one in in_time:
            if now_s + full.seconds <= one.deadline_s:
                return one
        return in_time[0]

    def _company(self, leader: Waiting, *, budget: int) -> Company:
        return Company(leader, self.cost, budget=budget, max_jobs=self.policy.max_jobs)

    def _candidates(self, leader: Waiting, *, now_s: float) -> Iterator[Waiting]:
        """The leader's lane from there on, then the other one; while jobs are being lost, those
        of like size first: their batches hold a third more."""
        own = self._lanes[leader.priority]
        others = (lane for lane in self._lanes.values() if lane is not own)
        ahead = islice(chain(own.behind(leader), *others), LOOK_AHEAD)
        if not self._is_overloaded(now_s):
            return ahead
        return iter(sorted(ahead, key=lambda one: padded_pixels([leader.shape, one.shape])))

    def _is_overloaded(self, now_s: float) -> bool:
        return now_s - self._lost_s <= OVERLOAD_S

    def _waits_until(self, company: Company, *, now_s: float) -> float | None:
        if self._gap_s is None or self._last_arrival_s is None or self.policy.max_wait_s == 0:
            return None
        return company.worth_waiting_until(
            now_s=now_s,
            last_arrival_s=self._last_arrival_s,
            gap_s=self._gap_s,
            max_wait_s=self.policy.max_wait_s,
            num_left=len(self) - len(company.members),
        )

    def _alone_s(self, waiting: Waiting) -> float:
        return self.cost.alone_s(waiting.shape)
