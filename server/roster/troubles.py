"""Models that do not take requests, and why, for who asks."""

from dataclasses import dataclass
from typing import Literal

from server.roster.finder import Finder
from server.roster.plan import Wishes, why_resting
from server.roster.staff import Staff


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """A model that does not serve new requests, and why."""

    model: str
    """"name", "name@version", or a path below the model folder."""
    state: Literal["loading", "failed", "retiring", "resting"]
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


def list_resting(finder: Finder, staff: Staff, wishes: Wishes) -> list[Trouble]:
    """What lies in the model folder, could be served, and is not."""
    busy = {trouble.model for trouble in list_troubles(finder, staff)}
    candidates, serving, failed = finder.candidates, set(staff.serving), dict(staff.failed)
    return [
        Trouble(
            model=str(candidate),
            state="resting",
            reason=why_resting(
                candidate,
                candidates,
                serving=serving,
                failed={key: failure.fingerprint for key, failure in failed.items()},
                wishes=wishes,
            ),
        )
        for candidate in candidates
        if candidate.name and candidate.key not in serving and str(candidate) not in busy
    ]
