"""The models that /v2 speaks of. The only place here that knows how the service keeps them."""

from models.bundle import NAME
from server.errors import UnknownModel
from server.loading.loaded_model import LoadedModel
from server.service import Service


def served_models(service: Service) -> list[LoadedModel]:
    """All that are loaded."""
    return [] if service.model is None else [service.model]


def open_model(service: Service, name: str, version: str | None) -> LoadedModel:
    """The model that answers a request.

    Raises:
        UnknownModel, NotReady, Draining
    """
    model = service.open_model()
    return _named([model], name, version)[0]


def versions_of(service: Service, name: str, version: str | None = None) -> list[LoadedModel]:
    """Every version of a model that is loaded, or one. Asking does not need a server that is ready.

    Raises:
        UnknownModel
        NotReady: nothing is loaded yet, so nobody knows.
    """
    models = served_models(service)
    if not models:
        service.open_model()
    return _named(models, name, version)


def _named(models: list[LoadedModel], name: str, version: str | None) -> list[LoadedModel]:
    spec = name if version is None else f"{name}@{version}"
    # The URL may hold anything; only what can be a name is looked up.
    harmless = all(NAME.fullmatch(part) for part in (name, version or "1"))
    found = [
        model
        for model in models
        if harmless
        and model.bundle.name == name
        and (version is None or model.bundle.version == version)
    ]
    if not found:
        known = ", ".join(f"{model.bundle.name}@{model.bundle.version}" for model in models)
        raise UnknownModel(f"model is {spec!r:.140}, served are {known}: name one of these")
    return found
