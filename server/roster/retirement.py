"""Models that were replaced, until the last request that holds one is done."""

import logging
import weakref
from collections.abc import Callable
from dataclasses import dataclass

from server.roster.served_model import ServedModel
from server.scheduling.worker import Worker

log = logging.getLogger("anyres.models")

WORKER_STOP_S = 5.0  # nobody waits for it any more


@dataclass(frozen=True, kw_only=True)
class _Retired:
    """Known by its worker: a reference to the model itself would hold it."""

    text: str
    name: str
    version: str
    model: "weakref.ref[ServedModel]"
    worker: Worker
    num_bytes: int
    until_s: float


class Retirement:
    """Of the keeper's thread alone. `on_free` is called from any thread when nobody holds a model
    any more; `end_idle` then ends it."""

    def __init__(
        self, *, on_free: Callable[[], None], on_ended: Callable[[str, str], None]
    ) -> None:
        self._on_free = on_free
        self._on_ended = on_ended
        self._retired: list[_Retired] = []

    def __len__(self) -> int:
        return len(self._retired)

    @property
    def num_bytes(self) -> int:
        """That they still take, by prediction."""
        return sum(one.num_bytes for one in self._retired)

    @property
    def texts(self) -> list[str]:
        """Who they are, as name@version."""
        return [one.text for one in self._retired]

    def add(self, model: ServedModel, *, num_bytes: int, until_s: float) -> None:
        """The caller lets go of `model`, which ends at `until_s` (monotonic) at the latest."""
        model.is_retired = True
        self._retired.append(
            _Retired(
                text=str(model),
                name=model.name,
                version=model.version,
                model=weakref.ref(model, lambda _: self._on_free()),
                worker=model.worker,
                num_bytes=num_bytes,
                until_s=until_s,
            )
        )

    def end_idle(self, *, now_s: float) -> None:
        """End those that nobody holds, and those whose time is up."""
        for one in list(self._retired):
            if one.model() is not None and now_s < one.until_s:
                continue
            one.worker.stop(timeout_s=WORKER_STOP_S)
            self._retired.remove(one)
            log.info("%s has ended", one.text)
            self._on_ended(one.name, one.version)

    def wait_s(self, *, now_s: float) -> float | None:
        """Until the next one's time is up; None if there is none."""
        return min((max(0.0, one.until_s - now_s) for one in self._retired), default=None)
