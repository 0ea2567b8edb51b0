"""What is there and what could be loaded: the index of Triton's model repository extension."""

from typing import Literal

from pydantic import BaseModel

from server.kserve.catalog import why_not_ready
from server.kserve.request import STRICT
from server.roster.served_model import ServedModel
from server.service import Service

State = Literal["READY", "LOADING", "UNLOADING", "UNAVAILABLE"]
_STATES: dict[str, State] = {
    "loading": "LOADING",
    "failed": "UNAVAILABLE",
    "retiring": "UNLOADING",
}


class IndexQuery(BaseModel):
    """Which models to list."""

    model_config = STRICT

    ready: bool = False
    """Only those that take requests."""


class UnloadParameters(BaseModel):
    """Of unloading."""

    model_config = STRICT

    unload_dependents: bool = False
    """No model depends on another here."""


class UnloadQuery(BaseModel):
    """What to unload besides the model in the URL."""

    model_config = STRICT

    parameters: UnloadParameters = UnloadParameters()


class LoadQuery(BaseModel):
    """Nothing: a model is chosen from the server's folder, clients bring none."""

    model_config = STRICT


class IndexEntry(BaseModel):
    """One version of one model."""

    name: str
    """Or a place in the model folder that holds none."""
    version: str
    """Empty where only the bundle, which was not loaded, knows it."""
    state: State
    reason: str


def index(service: Service, *, only_ready: bool) -> list[IndexEntry]:
    """Every version that is served, then those that are not (yet, any more, or ever)."""
    keeper = service.keeper
    served, troubles = list(keeper.roster), keeper.troubles
    # What a served model's new files are up to is said beside it: a version is listed once.
    texts = {text for model in served for text in (str(model), str(model.source))}
    failures = {one.model: one.reason for one in troubles if one.state == "failed"}
    entries = [_served(service, model, failures) for model in served]
    entries += [
        _entry(one.model, _STATES[one.state], one.reason)
        for one in troubles
        if one.model not in texts
    ]
    listed = texts | {one.model for one in troubles}  # one that leaves may have left by now
    entries += [
        _entry(one.model, "UNAVAILABLE", one.reason)
        for one in keeper.resting
        if one.model not in listed
    ]
    return [entry for entry in entries if entry.state == "READY" or not only_ready]


def _served(service: Service, model: ServedModel, failures: dict[str, str]) -> IndexEntry:
    if service.draining:
        return _entry(str(model), "UNLOADING", service.why_not_ready)
    if not model.worker.is_ready:
        return _entry(str(model), "UNAVAILABLE", why_not_ready(model))
    failure = failures.get(str(model.source))
    reason = "" if failure is None else f"its new files are not served: {failure}"
    return _entry(str(model), "READY", reason)


def _entry(text: str, state: State, reason: str) -> IndexEntry:
    name, _, version = text.partition("@")
    return IndexEntry(name=name, version=version, state=state, reason=reason)
