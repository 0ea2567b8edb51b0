"""The models that are in memory: one that is loaded now, those that serve, those that leave.

Of the keeper's thread alone, but for what others read: `roster` and `loading` are replaced in one
step, and lists are copied.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping

from server.config import ServerConfig
from server.loading.loaded_model import LoadedModel
from server.loading.model_folder import Candidate
from server.roster.duty import Neighbour, load_candidate, start_duty
from server.roster.plan import Key
from server.roster.retirement import Retirement
from server.roster.roster import Roster
from server.roster.served_model import ServedModel
from server.roster.watchers import Failure, Watcher
from server.scheduling.policy import worker_policy
from server.scheduling.process_memory import ProcessMemory
from server.scheduling.watch import Watch
from server.scheduling.worker import Worker

log = logging.getLogger("anyres.models")

POLL_S = 0.2  # how soon the end is seen while a model loads


class Staff:
    """Loads one model at a time, in the thread of its own worker, while the others answer.

    Args of the constructor:
        config: of the server.
        load: makes the model of --bundle, in place of reading it.
        watcher: is told who serves, who failed, who has ended.
        watch: makes the one that a worker tells what it does.
        on_free: called from any thread when nobody holds a model any more that was replaced.
        stopping: set when loading need not be waited for.
    """

    def __init__(
        self,
        config: ServerConfig,
        *,
        load: Callable[[], LoadedModel] | None,
        watcher: Watcher,
        watch: Callable[[], Watch],
        on_free: Callable[[], None],
        stopping: threading.Event,
    ) -> None:
        self.roster = Roster(default=config.default_model)
        self.loading: Candidate | None = None
        self.failed: dict[Key, Failure] = {}
        """What could not be loaded, until it is forgotten."""
        self.retirement = Retirement(on_free=on_free, on_ended=self._ended)
        self._config = config
        self._load = load
        self._watcher = watcher
        self._watch = watch
        self._stopping = stopping
        self._memory = ProcessMemory()
        self._serving: dict[Key, ServedModel] = {}
        self._workers: list[Worker] = []

    @property
    def serving(self) -> Mapping[Key, ServedModel]:
        """Who takes new requests, by what they were loaded from."""
        return self._serving

    @property
    def has_running_engines(self) -> bool:
        """Whether native code may still run in a thread of ours."""
        return any(worker.is_alive for worker in self._workers)

    def set_default(self, name: str) -> None:
        """Let this model answer requests that name none."""
        self._swap(default=name)

    def load(self, candidate: Candidate) -> None:
        """Load, and swap when it is warm. Returns when it serves or has failed."""
        done = threading.Event()
        outcome: list[ServedModel | str] = []

        def ended(result: ServedModel | str) -> None:
            outcome.append(result)
            done.set()

        log.info("loading %s from %s", candidate, candidate.folder)
        own_load = self._load if not candidate.name else None
        neighbours = self._neighbours()
        worker = start_duty(
            own_load or (lambda: load_candidate(self._config, candidate, neighbours)),
            candidate,
            policy=worker_policy(self._config),
            watch=self._watch(),
            memory=self._memory,
            on_served=ended,
            on_failed=ended,
        )
        self._workers.append(worker)
        self.loading = candidate
        while not done.wait(POLL_S):
            if self._stopping.is_set():
                return
            # The memory of those that went is wanted now.
            self.retirement.end_idle(now_s=time.monotonic())
        self.loading = None
        result = outcome.pop()  # left there, the worker would hold its model for ever
        if isinstance(result, ServedModel):
            self._put_on_duty(candidate, result)
        else:
            self.failed[candidate.key] = Failure(fingerprint=candidate.fingerprint, reason=result)
            self._watcher.failed(candidate, result)

    def retire(self, key: Key) -> None:
        """No new requests; it ends when nobody holds it."""
        model = self._serving.pop(key)
        self._swap(default=self.roster.default_name)
        log.info("%s goes: no new requests", model)
        self._send_off(model)

    def stop(self, *, timeout_s: float) -> None:
        """Let every model finish what it runs; refuse what waits. From any thread."""
        ends_s = time.monotonic() + timeout_s
        for worker in self._workers:
            worker.stop(timeout_s=max(0.0, ends_s - time.monotonic()))

    def _put_on_duty(self, candidate: Candidate, model: ServedModel) -> None:
        self.failed.pop(candidate.key, None)
        old = self._serving.get(candidate.key)
        self._serving[candidate.key] = model
        default = self.roster.default_name
        if not candidate.name and default == ("" if old is None else old.name):
            default = model.name  # the bundle is the default, whatever its name is by now
        self._swap(default=default)
        self._watcher.served(model)
        if old is not None:
            self._send_off(old)
        log.info(
            "serving %s %s from %s, loaded in %.1f s; %s",
            model.name,
            model.version,
            candidate.folder,
            model.loaded.load_s,
            model.selection.reason,
        )

    def _send_off(self, model: ServedModel) -> None:
        self.retirement.add(
            model,
            num_bytes=model.loaded.num_bytes,
            until_s=time.monotonic() + self._config.timeout_s,
        )

    def _ended(self, name: str, version: str) -> None:
        self._workers = [worker for worker in self._workers if worker.is_alive]
        self._watcher.ended(name, version)

    def _swap(self, *, default: str) -> None:
        self.roster = Roster(self._serving.values(), default=default)

    def _neighbours(self) -> list[Neighbour]:
        served = [
            Neighbour(
                name=model.name,
                is_bundle=not model.source.name,
                num_bytes=model.loaded.num_bytes,
            )
            for model in self._serving.values()
        ]
        leaving = Neighbour(name="", is_bundle=False, num_bytes=self.retirement.num_bytes)
        return [*served, leaving]
