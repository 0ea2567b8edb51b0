"""What became of one request, as its client saw it."""

import math
import re
from dataclasses import dataclass, field

_STAGE = re.compile(r"([A-Za-z0-9_-]+)\s*;[^,]*?dur=([0-9.]+)")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """From the moment it was due to the last byte of its answer."""

    due_s: float
    """When it should have been sent; the latency counts from here, so that a server that stalls
    is charged for the requests that it kept from being sent (no coordinated omission)."""
    sent_s: float
    ended_s: float
    status: int
    """Of HTTP. 0: no answer, see `ending`."""
    ending: str = "answered"
    """"answered", "hung up" (by us, on purpose), or the name of the error that the client met."""
    size: tuple[int, int]
    num_pixels: int
    num_bytes: int = 0
    """Of the answer's body."""
    stages_s: dict[str, float] = field(default_factory=dict)
    """Server-Timing: decode, queue, infer, encode."""

    @property
    def is_ok(self) -> bool:
        return self.ending == "answered" and self.status == 200

    @property
    def hung_up(self) -> bool:
        return self.ending == "hung up"

    @property
    def latency_s(self) -> float:
        """Never, for what failed: a fast refusal must not pass for a fast answer."""
        return self.ended_s - self.due_s if self.is_ok else math.inf

    @property
    def late_s(self) -> float:
        """How much later than due it was sent: this client's fault, not the server's."""
        return self.sent_s - self.due_s

    @property
    def name(self) -> str:
        """For counting: "200", "429", "hung up", "TimeoutError"."""
        return str(self.status) if self.ending == "answered" else self.ending


def parse_server_timing(header: str) -> dict[str, float]:
    """Seconds by stage of a Server-Timing header (W3C), whose durations are in ms.

    >>> parse_server_timing("decode;dur=12.5, infer;dur=250")
    {'decode': 0.0125, 'infer': 0.25}
    """
    return {name: float(milliseconds) / 1e3 for name, milliseconds in _STAGE.findall(header)}
