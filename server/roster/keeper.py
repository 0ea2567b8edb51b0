"""The thread that keeps the roster: it looks at the folder, loads, replaces and lets go.

One model loads at a time, in the thread of its own worker, while the others answer. A model that
was replaced ends when the last request that holds it is done, or after `timeout_s`, which no
request outlives.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import replace

from server.config import ServerConfig
from server.errors import NotReady, ServerError
from server.loading.loaded_model import LoadedModel
from server.loading.model_folder import Candidate, Listing, fingerprint, list_models
from server.roster.duty import Neighbour, load_candidate, start_duty
from server.roster.orders import Order, check_load, check_unload
from server.roster.plan import Key, Wishes, make_plan
from server.roster.retirement import Retirement
from server.roster.roster import Roster
from server.roster.served_model import ServedModel
from server.roster.watchers import Failure, Trouble, Watcher
from server.scheduling.policy import worker_policy
from server.scheduling.process_memory import ProcessMemory
from server.scheduling.watch import Watch
from server.scheduling.worker import Worker

log = logging.getLogger("anyres.models")

POLL_S = 0.2  # how soon the end is seen while a model loads
EMPTY = Listing(candidates=(), problems={})


class Keeper:
    """Owns the models of one server. `roster` may be read from any thread at any time."""

    def __init__(
        self,
        config: ServerConfig,
        *,
        load: Callable[[], LoadedModel] | None = None,
        watcher: Watcher,
        watch: Callable[[], Watch] = Watch,
    ) -> None:
        self.roster = Roster(default=config.default_model)
        self.failure: str | None = None
        """Why there will be no model, ever."""
        self.has_looked = False
        """Every model that was there at the start was loaded, or has failed."""
        self._config = config
        self._load = load
        self._watcher = watcher
        self._watch = watch
        self._memory = ProcessMemory()
        self._wishes = Wishes(keep=config.versions, only=config.models)
        self._serving: dict[Key, ServedModel] = {}
        self._failed: dict[Key, Failure] = {}
        self._loading: Candidate | None = None
        self._listing = EMPTY
        self._bundle = _bundle_of(config)
        self._orders: deque[Order] = deque()
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._workers: list[Worker] = []
        self._retirement = Retirement(on_free=self._notify, on_ended=self._ended)
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def start(self) -> None:
        """Begin to load; returns at once."""
        self._thread.start()

    def stop(self, *, timeout_s: float) -> None:
        """Let every model finish what it runs; refuse what waits."""
        ends_s = time.monotonic() + timeout_s
        self._stopping.set()
        self._notify()
        if self._thread.ident is not None:
            self._thread.join(max(0.0, ends_s - time.monotonic()))
        for worker in self._workers:
            worker.stop(timeout_s=max(0.0, ends_s - time.monotonic()))

    @property
    def has_running_engines(self) -> bool:
        """Whether native code may still run in a thread of ours."""
        return any(worker.is_alive for worker in self._workers)

    @property
    def troubles(self) -> list[Trouble]:
        """What loads now, what could not be loaded, what in the folder is no bundle, and what was
        replaced and still answers."""
        troubles = []
        if (loading := self._loading) is not None:
            troubles.append(Trouble(model=str(loading), state="loading"))
        for candidate in self._candidates:
            failure = self._failed.get(candidate.key)
            if failure is not None and failure.fingerprint == candidate.fingerprint:
                troubles.append(
                    Trouble(model=str(candidate), state="failed", reason=failure.reason)
                )
        for where, reason in self._listing.problems.items():
            troubles.append(Trouble(model=where, state="failed", reason=reason))
        troubles += [Trouble(model=text, state="retiring") for text in self._retirement.texts]
        return troubles

    @property
    def resting(self) -> list[str]:
        """What lies in the folder and is left alone: older versions, and what was unloaded."""
        busy = {trouble.model for trouble in self.troubles}
        return [
            str(candidate)
            for candidate in self._listing.candidates
            if candidate.key not in self._serving and str(candidate) not in busy
        ]

    def load(self, name: str, version: str | None) -> "Future[ServedModel | None]":
        """Serve a model that lies in the folder, from now on this version if one is named.

        Raises (in the future):
            UnknownModel: there is none such. Unusable: it cannot be loaded.
        """
        return self._order(Order(name=name, version=version, is_load=True))

    def unload(self, name: str, version: str | None) -> "Future[ServedModel | None]":
        """Serve it no longer, until `load` or a restart. Who holds it is still answered.

        Raises (in the future):
            UnknownModel: nobody serves it. Unusable: it is the default model.
        """
        return self._order(Order(name=name, version=version, is_load=False))

    def _order(self, order: Order) -> "Future[ServedModel | None]":
        with self._changed:
            if self._stopping.is_set():
                order.done.set_exception(NotReady("the server is stopping: ask another one"))
                return order.done
            self._orders.append(order)
            self._changed.notify()
        return order.done

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify()

    def _run(self) -> None:
        self._look(is_first=True)
        self.has_looked = not self._stopping.is_set()
        if self.failure is not None:
            self._watcher.fatal()
        while not self._stopping.is_set():
            with self._changed:
                if not self._orders and not self._stopping.is_set():
                    self._changed.wait(self._pause_s())
            while self._orders and not self._stopping.is_set():
                self._obey(self._orders.popleft())
            self._retirement.end_idle(now_s=time.monotonic())
            if self._is_watching and not self._stopping.is_set():
                self._look()
        for order in self._orders:
            order.done.set_exception(NotReady("the server is stopping: ask another one"))

    @property
    def _is_watching(self) -> bool:
        return self._config.model_folder is not None and self._config.watch_s > 0

    def _pause_s(self) -> float | None:
        pauses = [self._retirement.wait_s(now_s=time.monotonic())]
        if self._is_watching:
            pauses.append(self._config.watch_s)
        return min((pause for pause in pauses if pause is not None), default=None)

    @property
    def _candidates(self) -> list[Candidate]:
        own = [] if self._bundle is None else [self._bundle]
        return [*own, *self._listing.candidates]

    def _look(self, *, is_first: bool = False) -> None:
        """See what has changed in the folder, and act on it."""
        before = {c.key: c.fingerprint for c in self._listing.candidates}
        self._read_folder(is_first=is_first)
        changed = {c.key for c in self._listing.candidates if before.get(c.key) != c.fingerprint}
        self._act(unsettled=set() if is_first else changed)
        if self._stopping.is_set() or not is_first:
            return
        if not self.roster and not self._is_watching and self.failure is None:
            reasons = "; ".join(trouble.reason for trouble in self.troubles) or "it is empty"
            self.failure = f"no model of {self._config.model_folder} is served: {reasons}"

    def _read_folder(self, *, is_first: bool = False) -> None:
        root = self._config.model_folder
        if root is None:
            return
        try:
            listing = list_models(root)
        except OSError as error:
            reason = f"{root} cannot be read ({error.strerror}): it must be a folder of models"
            if is_first:
                self.failure = reason
            self._tell_problems({str(root): reason})
            # What was found before is not gone: the disk may be back in a moment.
            self._listing = replace(self._listing, problems={str(root): reason})
            return
        self._tell_problems(listing.problems)
        self._listing = listing
        names = {c.name for c in self._candidates}
        if not self.roster.default_name and len(names) == 1 and "" not in names:
            self._swap(default=names.pop())

    def _tell_problems(self, problems: Mapping[str, str]) -> None:
        for where, reason in problems.items():
            if self._listing.problems.get(where) != reason:
                log.error("%s", reason)

    def _act(self, *, unsettled: set[Key]) -> None:
        """Load and retire until what is served is what is wanted."""
        while not self._stopping.is_set() and self.failure is None:
            plan = make_plan(
                self._candidates,
                serving={key: model.source.fingerprint for key, model in self._serving.items()},
                failed={key: failure.fingerprint for key, failure in self._failed.items()},
                unsettled=unsettled,
                wishes=self._wishes,
                default_name=self.roster.default_name,
            )
            for key in plan.retire:
                self._retire(key)
            if not plan.load:
                return
            self._load_one(plan.load[0])

    def _load_one(self, candidate: Candidate) -> None:
        """Load, and swap when it is warm. Returns when it serves or has failed."""
        done = threading.Event()
        outcome: list[ServedModel | str] = []

        def ended(result: ServedModel | str) -> None:
            outcome.append(result)
            done.set()

        self._loading = candidate
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
        while not done.wait(POLL_S):
            if self._stopping.is_set():
                return
        self._loading = None
        result = outcome.pop()  # left there, the worker would hold its model for ever
        if isinstance(result, ServedModel):
            self._put_on_duty(candidate, result)
        else:
            self._note_failure(candidate, result)

    def _put_on_duty(self, candidate: Candidate, model: ServedModel) -> None:
        self._failed.pop(candidate.key, None)
        old = self._serving.get(candidate.key)
        self._serving[candidate.key] = model
        self._swap(default=self.roster.default_name or ("" if candidate.name else model.name))
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

    def _note_failure(self, candidate: Candidate, reason: str) -> None:
        self._failed[candidate.key] = Failure(fingerprint=candidate.fingerprint, reason=reason)
        self._watcher.failed(candidate, reason)
        if not candidate.name and candidate.key not in self._serving:
            self.failure = reason  # the process ends with it as its last word
        else:
            log.error("%s is not served: %s", candidate, reason)

    def _retire(self, key: Key) -> None:
        model = self._serving.pop(key)
        self._swap(default=self.roster.default_name)
        log.info("%s goes: no new requests", model)
        self._send_off(model)

    def _send_off(self, model: ServedModel) -> None:
        self._retirement.add(
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
        leaving = Neighbour(name="", is_bundle=False, num_bytes=self._retirement.num_bytes)
        return [*served, leaving]

    def _obey(self, order: Order) -> None:
        try:
            model = None
            if order.is_load:
                model = self._obey_load(order)
            else:
                self._obey_unload(order)
            order.done.set_result(model)
        except ServerError as error:
            order.done.set_exception(error)
        except Exception as error:
            log.exception("an order failed")
            order.done.set_exception(error)

    def _obey_load(self, order: Order) -> ServedModel:
        self._read_folder()
        if self._bundle is not None:
            self._bundle = replace(self._bundle, fingerprint=_fingerprint(self._bundle))
        target = check_load(order, self._candidates, self._serving)
        for key in [key for key in self._failed if key[0] == target.name]:
            del self._failed[key]
        self._wishes = self._wishes.with_loaded(target, is_pinned=order.version is not None)
        self._act(unsettled=set())
        failure = self._failed.get(target.key)
        if failure is None and (model := self._serving.get(target.key)) is not None:
            return model
        raise NotReady("the server is stopping") if failure is None else failure.as_error(target)

    def _obey_unload(self, order: Order) -> None:
        names = check_unload(order, self.roster, self._serving, self._candidates)
        self._wishes = self._wishes.without(names)
        self._act(unsettled=set())


def _bundle_of(config: ServerConfig) -> Candidate | None:
    if not config.serves_bundle:
        return None
    bundle = Candidate(name="", label="", folder=config.bundle, fingerprint="")
    return replace(bundle, fingerprint=_fingerprint(bundle))


def _fingerprint(candidate: Candidate) -> str:
    try:
        return fingerprint(candidate.folder)
    except OSError:
        return ""  # loading it says what is wrong
