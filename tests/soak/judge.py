"""Whether one ending is one that the documentation allows, and if not, what is wrong with it."""

import json
from dataclasses import dataclass, field

from tests.soak.caller import Ending
from tests.soak.cases import Case
from tests.soak.garbage import Garbage
from tests.soak.truth import different

BUSY = frozenset({429, 504})  # a server with more to do than it can: refused at once, or too late
HURT = frozenset({500, 503})  # while a worker that was killed is replaced
AFTER_KILL_S = 1.0  # longer, and many faults would excuse every failure of a run
RETRY = frozenset({429, 503})


@dataclass(kw_only=True)
class Judge:
    """Knows the answers and when the server was hurt."""

    alone: dict[str, Ending]
    """By the name of a case."""
    killed_s: list[float] = field(default_factory=list)
    """`time.monotonic` of each fault."""

    def case(self, case: Case, ending: Ending) -> str | None:
        """What is wrong with the ending of a well-formed request; None if nothing is."""
        if ending.how != "answered":
            return self._unanswered(ending)
        if ending.status == 200:
            return different(self.alone[case.name], ending)
        allowed = BUSY | (HURT if self._is_hurt(ending) else frozenset())
        return _refusal(ending, allowed)

    def garbage(self, garbage: Garbage, ending: Ending) -> str | None:
        """The same for one that must be refused."""
        if ending.how != "answered":
            return self._unanswered(ending)
        allowed = garbage.statuses | BUSY | (HURT if self._is_hurt(ending) else frozenset())
        if not garbage.is_http:
            right = ending.status in allowed
            return None if right else f"status {ending.status}, expected one of {sorted(allowed)}"
        return _refusal(ending, allowed)

    def _unanswered(self, ending: Ending) -> str | None:
        return None if ending.how == "left" else f"no answer: {ending.reason}"

    def _is_hurt(self, ending: Ending) -> bool:
        """Whether a worker died while it was under way, or shortly before."""
        return any(
            ending.begun_s - AFTER_KILL_S <= killed_s <= ending.ended_s
            for killed_s in self.killed_s
        )


def _refusal(ending: Ending, allowed: frozenset[int]) -> str | None:
    """An error has one form: a status that was expected, JSON that repeats it."""
    if ending.status not in allowed:
        return f"status {ending.status}, expected one of {sorted(allowed)}: {ending.body[:300]!r}"
    try:
        error = json.loads(ending.body)["error"]
    except (ValueError, KeyError, TypeError):
        return f"status {ending.status} without the JSON of an error: {ending.body[:200]!r}"
    if error["status"] != ending.status:
        return f"status {ending.status}, but the JSON says {error['status']}"
    if error["request_id"] != ending.headers.get("x-request-id"):
        return f"request id {error['request_id']!r}, but the header says another"
    if not error["message"] or "Traceback" in error["message"]:
        return f"the message is {error['message']!r}"
    if ending.status in RETRY and not ending.headers.get("retry-after", "").isdecimal():
        return f"status {ending.status} without Retry-After"
    return None
