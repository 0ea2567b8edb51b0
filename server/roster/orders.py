"""What an operator asks of the keeper, and whether it makes sense."""

from collections.abc import Iterable, Mapping, Set
from concurrent.futures import Future
from dataclasses import dataclass, field

from server.errors import UnknownModel, Unusable
from server.loading.model_folder import Candidate
from server.roster.plan import EVERY, Key
from server.roster.roster import Roster
from server.roster.served_model import ServedModel


@dataclass(frozen=True, kw_only=True)
class Order:
    """Load or unload a model."""

    name: str
    version: str | None
    """None is the newest to load, and all to unload."""
    is_load: bool
    done: "Future[ServedModel | None]" = field(default_factory=Future)


def check_load(
    order: Order, candidates: Iterable[Candidate], serving: Mapping[Key, ServedModel]
) -> Candidate:
    """The candidate that is meant. What lies in no folder of its version is known by the version
    that is served.

    Raises:
        UnknownModel: no such thing was found on disk.
    """
    candidates = list(candidates)
    for candidate in candidates:
        served = serving.get(candidate.key)
        name = candidate.name or ("" if served is None else served.name)
        version = candidate.label or ("" if served is None else served.version)
        if name == order.name and order.version in (None, version):
            return candidate
    known = ", ".join(str(candidate) for candidate in candidates if candidate.name) or "none"
    version = "" if order.version is None else f"@{order.version}"
    raise UnknownModel(
        f"model is {order.name + version!r:.140}, the model folder holds {known}: copy it there "
        f"first, or name one of these"
    )


def check_unload(
    order: Order,
    roster: Roster,
    serving: Mapping[Key, ServedModel],
    candidates: Iterable[Candidate],
) -> Set[Key]:
    """The keys that are to be left alone from now on.

    Raises:
        UnknownModel: it is not served. Unusable: it is the default, which has to stay.
    """
    keys = {
        key
        for key, model in serving.items()
        if model.name == order.name and order.version in (None, model.version)
    }
    if not keys:
        version = "" if order.version is None else f"@{order.version}"
        roster.find(order.name + version)  # says what is served
        raise UnknownModel(f"model is {order.name + version!r:.140}: it is not served")
    others = {c.key for c in candidates if c.name == order.name} - keys
    if order.name == roster.default_name and (order.version is None or not others):
        raise Unusable(
            f"{order.name} is the default model, without it the server is not ready: unload one "
            f"version when there is another, or start with another --default-model"
        )
    return keys | ({(order.name, EVERY)} if order.version is None else set())
