"""What the keeper tells: to metrics as it happens, and to who asks for the state."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from server.errors import Unusable
from server.loading.model_folder import Candidate
from server.roster.served_model import ServedModel


@runtime_checkable  # the shape checks of the tests look at it with isinstance
class Watcher(Protocol):
    """Called from the keeper's thread."""

    def served(self, model: ServedModel) -> None:
        """It answers from now on."""

    def failed(self, candidate: Candidate, reason: str) -> None:
        """It could not be loaded; what was served before still is."""

    def ended(self, name: str, version: str) -> None:
        """A model that was replaced or unloaded is out of memory."""

    def fatal(self) -> None:
        """There will be no model."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """What could not be loaded, and how it looked then."""

    fingerprint: str
    reason: str

    def as_error(self, candidate: Candidate) -> Unusable:
        """For who asked to load it."""
        return Unusable(f"{candidate} is not served: {self.reason}")
