"""What there is to serve: the bundle that was given, and what lies in the model folder."""

import logging
from collections.abc import Mapping
from dataclasses import replace

from server.config import ServerConfig
from server.loading.model_folder import Candidate, Listing, fingerprint, list_models
from server.roster.plan import Key

log = logging.getLogger("anyres.models")

EMPTY = Listing(candidates=(), problems={})


class Finder:
    """Of the keeper's thread; `candidates` and `problems` may be read from any other."""

    def __init__(self, config: ServerConfig) -> None:
        self._root = config.model_folder
        self._bundle = _bundle_of(config)
        self._listing = EMPTY
        self.unreadable: str | None = None
        """Why the folder itself cannot be read."""

    @property
    def candidates(self) -> list[Candidate]:
        """The bundle, then those of the folder by name, newest version first."""
        own = [] if self._bundle is None else [self._bundle]
        return [*own, *self._listing.candidates]

    @property
    def problems(self) -> Mapping[str, str]:
        """Why something that lies in the folder is no candidate, by where it lies."""
        return self._listing.problems

    def look(self) -> set[Key]:
        """Read the folder. Returns what is another there than it was the last time."""
        before = {c.key: c.fingerprint for c in self._listing.candidates}
        if self._root is None:
            return set()
        try:
            listing = list_models(self._root)
            self.unreadable = None
        except OSError as error:
            self.unreadable = (
                f"{self._root} cannot be read ({error.strerror}): it must be a folder of models"
            )
            # What was found before is not gone: the disk may be back in a moment.
            listing = replace(self._listing, problems={str(self._root): self.unreadable})
        for where, reason in listing.problems.items():
            if self._listing.problems.get(where) != reason:
                log.error("%s", reason)
        self._listing = listing
        return {c.key for c in listing.candidates if before.get(c.key) != c.fingerprint}

    def look_at_bundle(self) -> None:
        """It lies in no folder that is watched."""
        if self._bundle is not None:
            self._bundle = replace(self._bundle, fingerprint=_fingerprint(self._bundle))


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
