"""What is there to be loaded, and loading it: Triton's model repository extension."""

from server.errors import Forbidden
from server.kserve.catalog import served_models
from server.kserve.schemas import IndexEntry
from server.service import Service


def index(service: Service, *, only_ready: bool) -> list[IndexEntry]:
    """Every version of every model."""
    state, reason = ("READY", "") if service.is_ready else ("UNLOADING", "the server is stopping")
    entries = [
        IndexEntry(
            name=model.bundle.name,
            version=model.bundle.version,
            state="READY" if state == "READY" else "UNLOADING",
            reason=reason,
        )
        for model in served_models(service)
    ]
    return [entry for entry in entries if entry.state == "READY" or not only_ready]


def control(service: Service, name: str, action: str) -> None:
    """Load or unload a model.

    Raises:
        Forbidden: unless it is enabled.
    """
    del service
    raise Forbidden(
        f"{action} of {name!r:.80} was asked for, but clients do not manage models here: the "
        f"operator chooses them, and they load at the start"
    )
