"""The thread that keeps the roster: it looks at the folder, obeys orders, and lets the staff load,
replace and let go.

A model that was replaced ends when the last request that holds it is done, or after `timeout_s`,
which no request outlives.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

from server.config import ServerConfig
from server.errors import NotReady, ServerError
from server.loading.loaded_model import LoadedModel
from server.loading.model_folder import Candidate
from server.roster.finder import Finder
from server.roster.orders import Order, check_load, check_unload
from server.roster.plan import Key, Wishes, make_plan
from server.roster.roster import Roster
from server.roster.served_model import ServedModel
from server.roster.staff import Staff
from server.roster.troubles import Trouble, list_resting, list_troubles
from server.roster.watchers import Watcher
from server.scheduling.watch import Watch

log = logging.getLogger("anyres.models")

PAUSE_S = 1.0  # before something that went wrong is tried again


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
        self.failure: str | None = None
        """Why there will be no model, ever."""
        self.has_looked = False
        """Every model that was there at the start was loaded, or has failed."""
        self._config = config
        self._watcher = watcher
        self._wishes = Wishes(keep=config.versions, only=config.models)
        self._finder = Finder(config)
        self._orders: deque[Order] = deque()
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._staff = Staff(
            config,
            load=load,
            watcher=watcher,
            watch=watch,
            on_free=self._notify,
            stopping=self._stopping,
        )
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def start(self) -> None:
        """Begin to load; returns at once."""
        self._thread.start()

    def stop(self, *, timeout_s: float) -> None:
        """Let every model finish what it runs; refuse what waits."""
        ends_s = time.monotonic() + timeout_s
        with self._changed:
            self._stopping.set()
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join(max(0.0, ends_s - time.monotonic()))
        self._staff.stop(timeout_s=max(0.0, ends_s - time.monotonic()))

    @property
    def roster(self) -> Roster:
        """Who answers now."""
        return self._staff.roster

    @property
    def has_running_engines(self) -> bool:
        """Whether native code may still run in a thread of ours."""
        return self._staff.has_running_engines

    @property
    def troubles(self) -> list[Trouble]:
        """What loads now, what could not be loaded, what in the folder is no bundle, and what was
        replaced and still answers."""
        return list_troubles(self._finder, self._staff)

    @property
    def resting(self) -> list[Trouble]:
        """What lies in the folder and is left alone: older versions, newer ones than the one that
        was asked for, and what was unloaded."""
        return list_resting(self._finder, self._staff, self._wishes)

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
                order.done.set_exception(stopping())
                return order.done
            self._orders.append(order)
            self._changed.notify()
        return order.done

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify()

    def _run(self) -> None:
        try:
            self._look(is_first=True)
        except Exception as error:  # nothing of what we know: never ready would be no answer
            log.exception("looking for models failed")
            self.failure = f"looking for models failed: {error!r}"
        self.has_looked = not self._stopping.is_set()
        if self.failure is not None:
            self._watcher.fatal()
        while not self._stopping.is_set():
            with self._changed:
                if not self._orders and not self._stopping.is_set():
                    self._changed.wait(self._pause_s())
            try:
                self._do_what_is_due()
            except Exception:  # what is served goes on, and so must who looks after it
                log.exception("looking after the models failed, it is tried again")
                self._stopping.wait(PAUSE_S)
        with self._changed:  # who orders from now on is told so at once
            left = list(self._orders)
        for order in left:
            if order.done.set_running_or_notify_cancel():
                order.done.set_exception(stopping())

    def _do_what_is_due(self) -> None:
        while self._orders and not self._stopping.is_set():
            self._obey(self._orders.popleft())
        self._staff.retirement.end_idle(now_s=time.monotonic())
        if self._is_watching and not self._stopping.is_set():
            self._look()

    @property
    def _is_watching(self) -> bool:
        return self._config.model_folder is not None and self._config.watch_s > 0

    def _pause_s(self) -> float | None:
        pauses = [self._staff.retirement.wait_s(now_s=time.monotonic())]
        if self._is_watching:
            pauses.append(self._config.watch_s)
        return min((pause for pause in pauses if pause is not None), default=None)

    def _look(self, *, is_first: bool = False) -> None:
        """See what has changed in the folder, and act on it."""
        changed = self._find()
        if is_first and self._finder.unreadable is not None:
            self.failure = self._finder.unreadable
        self._act(unsettled=set() if is_first else changed)
        if self._stopping.is_set() or not is_first:
            return
        if not self.roster and not self._is_watching and self.failure is None:
            reasons = "; ".join(trouble.reason for trouble in self.troubles) or "it is empty"
            self.failure = f"no model of {self._config.model_folder} is served: {reasons}"

    def _find(self) -> set[Key]:
        """What is there now. Returns what has changed."""
        changed = self._finder.look()
        names = {c.name for c in self._finder.candidates}
        if not self.roster.default_name and len(names) == 1 and "" not in names:
            self._staff.set_default(names.pop())
        return changed

    def _act(self, *, unsettled: set[Key]) -> None:
        """Load and retire until what is served is what is wanted."""
        while not self._stopping.is_set() and self.failure is None:
            plan = make_plan(
                self._finder.candidates,
                serving={k: model.source.fingerprint for k, model in self._staff.serving.items()},
                failed={k: failure.fingerprint for k, failure in self._staff.failed.items()},
                unsettled=unsettled,
                wishes=self._wishes,
                default_name=self.roster.default_name,
            )
            for key in plan.retire:
                self._staff.retire(key)
            if not plan.load:
                return
            self._load(plan.load[0])

    def _load(self, candidate: Candidate) -> None:
        self._staff.load(candidate)
        failure = self._staff.failed.get(candidate.key)
        if failure is None:
            return
        if not candidate.name and candidate.key not in self._staff.serving:
            self.failure = failure.reason  # the process ends with it as its last word
        else:
            log.error("%s is not served: %s", candidate, failure.reason)

    def _obey(self, order: Order) -> None:
        if not order.done.set_running_or_notify_cancel():
            return
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
        self._find()
        self._finder.look_at_bundle()
        serving, failed = self._staff.serving, self._staff.failed
        target = check_load(order, self._finder.candidates, serving)
        for key in [key for key in failed if key[0] == target.name]:
            del failed[key]
        self._wishes = self._wishes.with_loaded(target, is_pinned=order.version is not None)
        self._act(unsettled=set())
        failure = failed.get(target.key)
        if failure is None and (model := serving.get(target.key)) is not None:
            return model
        raise stopping() if failure is None else failure.as_error(target)

    def _obey_unload(self, order: Order) -> None:
        names = check_unload(order, self.roster, self._staff.serving, self._finder.candidates)
        self._wishes = self._wishes.without(names)
        self._act(unsettled=set())


def stopping() -> NotReady:
    """To who orders too late."""
    return NotReady("the server is stopping: ask another one")
