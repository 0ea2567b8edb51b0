"""An engine, its queue and its clients without a clock: time is a number."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from server.scheduling.batcher import Batcher, BatchPolicy, Decision
from server.scheduling.cost import CostFit, CostModel, GraphCost, Shape
from server.scheduling.job import Priority
from server.scheduling.lane import Waiting

CPU = GraphCost(s_per_mpx=0.6, s_per_image=0.03, s_per_call=0.001)
"""As ONNX Runtime was measured: a call costs nothing beside its images."""
DEVICE = GraphCost(s_per_mpx=0.01, s_per_image=0.0005, s_per_call=0.02)
"""As an accelerator is: small calls cost their start."""


class Fixed(CostFit):
    """A cost that no call changes."""

    def __init__(self, cost: GraphCost) -> None:
        super().__init__(cost)
        self.num_calls = 1
        self.doubt_s = 0.0

    def observe(self, *, num_pixels: int, num_images: int, measured_s: float) -> None:
        """Learn nothing."""


def cost_model(frame: GraphCost, flow: GraphCost | None = None, *, stride: int = 1) -> CostModel:
    """Known from the start."""
    model = CostModel(stride=stride)
    model.graphs = {"frame": Fixed(frame), "flow": Fixed(flow or frame)}
    return model


def waiting(
    id_: int,
    *,
    size: tuple[int, int] = (100, 100),
    arrived_s: float = 0.0,
    deadline_s: float = 1000.0,
    priority: Priority = Priority.NORMAL,
    num_frames: int = 1,
    alone: bool = False,
) -> Waiting:
    return Waiting(
        id=id_,
        shape=Shape(size=size, num_frames=num_frames, has_flow=num_frames == 2),
        arrived_s=arrived_s,
        deadline_s=deadline_s,
        priority=priority,
        alone=alone,
    )


def ids(batch: Sequence[Waiting]) -> list[int]:
    return [one.id for one in batch]


@dataclass(kw_only=True)
class Ran:
    """A batch of a simulation."""

    began_s: float
    ended_s: float
    decision: Decision
    left: tuple[Waiting, ...]
    """That stayed in the queue."""


@dataclass(kw_only=True)
class Simulation:
    """Arrivals through a batcher to an engine that takes as long as expected."""

    policy: BatchPolicy
    cost: CostModel
    ran: list[Ran] = field(default_factory=list)
    expired: list[int] = field(default_factory=list)

    def run(self, arrivals: Sequence[Waiting], *, leaving: dict[int, float] | None = None) -> None:
        """Until the queue is empty and nobody comes any more.

        Args:
            leaving: when clients hang up, by id.
        """
        batcher = Batcher(self.policy, self.cost)
        to_come = sorted(arrivals, key=lambda one: one.arrived_s)
        gone = sorted((s, id_) for id_, s in (leaving or {}).items())
        waiting_now: dict[int, Waiting] = {}
        now_s = 0.0
        while to_come or len(batcher):
            while to_come and to_come[0].arrived_s <= now_s:
                one = to_come.pop(0)
                batcher.add(one)
                waiting_now[one.id] = one
            while gone and gone[0][0] <= now_s:
                _, id_ = gone.pop(0)
                assert batcher.drop(id_) == (id_ in waiting_now)
                waiting_now.pop(id_, None)
            decision = batcher.next_batch(now_s=now_s)
            for one in (*decision.run, *decision.expired):
                del waiting_now[one.id]  # KeyError: it was doubled, or came from nowhere
            assert len(batcher) == len(waiting_now)
            assert batcher.num_pixels == sum(one.num_pixels for one in waiting_now.values())
            self.expired += ids(decision.expired)
            if decision.run:
                took_s = self.cost.batch_s([one.shape for one in decision.run])
                self.ran.append(
                    Ran(
                        began_s=now_s,
                        ended_s=now_s + took_s,
                        decision=replace(decision, expired=()),
                        left=tuple(waiting_now.values()),
                    )
                )
                now_s += took_s
                continue
            moments = [one.arrived_s for one in to_come[:1]]
            moments += [] if decision.wake_s is None else [decision.wake_s]
            moments += [gone[0][0]] if gone and waiting_now else []
            assert moments or not len(batcher), "it would sleep for ever"
            if moments:
                assert min(moments) > now_s, "it would spin"
                now_s = min(moments)
        assert not waiting_now

    @property
    def ran_ids(self) -> list[int]:
        return [one.id for batch in self.ran for one in batch.decision.run]
