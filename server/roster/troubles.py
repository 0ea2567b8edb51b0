"""Models that do not take requests, and why, for who asks."""

from dataclasses import dataclass
from typing import Literal

from server.roster.finder import Finder
from server.roster.staff import Staff


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """A model that does not serve new requests, and why."""

    model: str
    """"name", "name@version", or a path below the model folder."""
    state: Literal["loading", "failed", "retiring"]
    reason: str = ""


def list_troubles(finder: Finder, staff: Staff) -> list[Trouble]:
    """What loads now, what could not be loaded, what is no bundle, and what leaves."""
    troubles = []
    if (loading := staff.loading) is not None:
        troubles.append(Trouble(model=str(loading), state="loading"))
    for candidate in finder.candidates:
        failure = staff.failed.get(candidate.key)
        if failure is not None and failure.fingerprint == candidate.fingerprint:
            troubles.append(Trouble(model=str(candidate), state="failed", reason=failure.reason))
    for where, reason in finder.problems.items():
        troubles.append(Trouble(model=where, state="failed", reason=reason))
    leaving = staff.retirement.texts
    return [*troubles, *(Trouble(model=text, state="retiring") for text in leaving)]


def list_resting(finder: Finder, staff: Staff) -> list[str]:
    """What lies in the model folder, could be served, and is not."""
    busy = {trouble.model for trouble in list_troubles(finder, staff)}
    return [
        str(candidate)
        for candidate in finder.candidates
        if candidate.name and candidate.key not in staff.serving and str(candidate) not in busy
    ]
