"""The models that /v2 speaks of, by the name and the version in its URLs."""

from server.errors import NotReady, UnknownModel
from server.roster.served_model import ServedModel
from server.service import Service


def open_model(service: Service, name: str, version: str | None) -> ServedModel:
    """The model that answers a request: that version, or the newest. Hold it like the service's.

    Raises:
        UnknownModel, NotReady, Draining
    """
    if "@" in name:
        # "street@1" is how /v1 names a version; in this protocol it would be a second way.
        raise UnknownModel(f"model is {name!r:.140}: ask for /v2/models/NAME/versions/VERSION")
    return service.open_model(name if version is None else f"{name}@{version}")


def ready_model(service: Service, name: str, version: str | None) -> ServedModel:
    """The same, if its engine runs.

    Raises:
        UnknownModel, NotReady, Draining
    """
    model = open_model(service, name, version)
    if not model.worker.is_ready:
        raise NotReady(why_not_ready(model), retry_after_s=2)
    return model


def versions_of(service: Service, name: str, version: str | None = None) -> list[ServedModel]:
    """Every version of a model that is served, newest first, or one. Asking what they are does not
    need a server that takes requests.

    Raises:
        UnknownModel, NotReady, Draining
    """
    roster = service.keeper.roster
    found = [one for one in roster if one.name == name and version in (None, one.version)]
    return found or [open_model(service, name, version)]


def why_not_ready(model: ServedModel) -> str:
    """One sentence about a model that is served and cannot answer."""
    return model.worker.trouble or "the engine's thread of this model has ended"
