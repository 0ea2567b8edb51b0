"""What the i-th request of a soak is: a function of the seed and i alone, so that each repeats."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tests.soak.caller import Leave, Moment
from tests.soak.cases import Case
from tests.soak.garbage import Garbage, draw_garbage

GARBAGE_SHARE = 0.1
LEAVING_SHARE = 1 / 3
MOMENTS: tuple[Moment, ...] = ("head", "body", "waiting", "answer")


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One request."""

    index: int
    what: Case | Garbage
    leave: Leave | None

    @property
    def request(self) -> bytes:
        return self.what.request

    @property
    def kind(self) -> str:
        """For counting."""
        kind = "garbage" if isinstance(self.what, Garbage) else "request"
        return kind if self.leave is None else f"{kind}, leaves: {self.leave.moment}"

    def __str__(self) -> str:
        how = ""
        if self.leave is not None:
            manner = "abruptly" if self.leave.abruptly else "orderly"
            how = f", leaves {manner} at {self.leave.share:.2f} of {self.leave.moment}"
        return f"{self.what.name}{how}"


def plan(index: int, *, hand: Sequence[Case], seed: int) -> Planned:
    """Request number `index`."""
    rng = np.random.default_rng([seed, index])
    case = hand[int(rng.integers(len(hand)))]
    leaves, is_garbage = rng.random() < LEAVING_SHARE, rng.random() < GARBAGE_SHARE
    leave = Leave(
        moment=MOMENTS[int(rng.integers(len(MOMENTS)))],
        share=float(rng.random()),
        abruptly=bool(rng.random() < 0.5),
    )
    what = draw_garbage(rng) if is_garbage else case
    if isinstance(what, Garbage) and not what.is_http:
        leaves = False
    return Planned(index=index, what=what, leave=leave if leaves else None)
