"""What is known about one request when it ends: the log, the metrics and the trace all read it.

The record of the running request is found by `current_record()`, wherever its code is; tasks that
it starts see the same one. Threads do not: whoever waits for them writes down what they took.
"""

import time
from contextvars import ContextVar
from dataclasses import dataclass, field

SHOWN_STAGES = ("decode", "queue", "infer", "encode")
"""In Server-Timing: what we took. Receiving is the network's."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One step on the way: "receive", "decode", "queue", "infer", "encode"."""

    name: str
    started_s: float
    """`time.monotonic` time."""
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Run:
    """The batch that one job of the request was in."""

    num_jobs: int
    seconds: float


@dataclass(kw_only=True)
class RequestRecord:
    """Filled in on the way. Empty fields are left out of the log."""

    request_id: str = ""
    method: str = ""
    path: str = ""
    traceparent: str = ""
    """As the client sent it."""
    started_s: float = field(default_factory=time.monotonic)
    model: str = ""
    version: str = ""
    pixels: int = 0
    stages: list[Stage] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    """One for each of its jobs that was answered."""
    route: str = "none"
    """The pattern, not the path: a stranger must not make new time series."""
    status: int = 0
    seconds: float = 0.0
    trace_id: str = ""
    caller: str = ""
    """Name of the key."""

    def add(self, name: str, seconds: float, *, ended_s: float | None = None) -> None:
        """A stage that has ended, now or at `ended_s`."""
        end_s = time.monotonic() if ended_s is None else ended_s
        self.stages.append(Stage(name=name, started_s=end_s - seconds, seconds=seconds))

    def seconds_of(self, stage: str) -> float:
        """That it took; 0.0 if the request did not come so far."""
        return sum(one.seconds for one in self.stages if one.name == stage)

    @property
    def server_timing(self) -> str:
        """As the header Server-Timing has it (W3C), in milliseconds."""
        return ", ".join(
            f"{stage.name};dur={stage.seconds * 1e3:.3f}"
            for stage in self.stages
            if stage.name in SHOWN_STAGES
        )

    @property
    def log_fields(self) -> dict[str, object]:
        """For the line of the log."""
        fields: dict[str, object] = {
            "request_id": self.request_id,
            "method": self.method,
            "path": self.path,
            "route": self.route,
            "status": self.status,
            "seconds": round(self.seconds, 6),
        }
        if self.model:
            fields["model"] = f"{self.model}@{self.version}"
        if self.pixels:
            fields["pixels"] = self.pixels
        if self.caller:
            fields["caller"] = self.caller
        if self.trace_id:
            fields["trace_id"] = self.trace_id
        return fields | {f"{stage.name}_s": round(stage.seconds, 6) for stage in self.stages}


_current: ContextVar[RequestRecord] = ContextVar("request_record")


def current_record() -> RequestRecord:
    """Of the request that this code runs for. Outside of one, a record that nobody reads."""
    return _current.get(None) or RequestRecord()


def start_record(record: RequestRecord) -> None:
    """From here on, in this task, `record` is the current one."""
    _current.set(record)
