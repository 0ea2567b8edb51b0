"""What to load and what to let go. Pure policy: no disk, no thread, no model.

A newer version is loaded beside the old one, which goes when the new one is warm. What failed to
load is not tried again until its files change, and the version before it takes its place; but
what is loaded already goes on, whatever becomes of its files.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from server.loading.model_folder import Candidate

Key = tuple[str, str]
"""Name and label of a candidate."""
EVERY = "*"
"""In place of a label: every version, those to come too. No folder can have this name."""


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What the operator wants of the models that were found."""

    keep: int = 1
    """Versions of each model that are served at the same time."""
    only: tuple[str, ...] = ()
    """NAME or NAME@VERSION; empty is all."""
    pinned: Mapping[str, str] = field(default_factory=dict)
    """The one version to serve, by name."""
    unloaded: Set[Key] = frozenset()
    """To leave alone."""

    def allows(self, candidate: Candidate) -> bool:
        """Whether it may be served at all."""
        name, label = candidate.key
        if (name, label) in self.unloaded or (name, EVERY) in self.unloaded:
            return False
        if name in self.pinned:
            return self.pinned[name] == label
        return not self.only or not name or not {name, f"{name}@{label}"}.isdisjoint(self.only)

    def with_loaded(self, candidate: Candidate, *, is_pinned: bool) -> "Wishes":
        """Serve this model again; only this version of it, or the newest."""
        name, label = candidate.key
        pinned = {key: value for key, value in self.pinned.items() if key != name}
        left = frozenset(
            key
            for key in self.unloaded
            if key[0] != name or (is_pinned and key[1] not in (EVERY, label))
        )
        only = (*self.only, name) if self.only and name not in self.only else self.only
        return replace(
            self, pinned=pinned | ({name: label} if is_pinned else {}), unloaded=left, only=only
        )

    def without(self, keys: Set[Key]) -> "Wishes":
        """Leave these alone."""
        pinned = {name: label for name, label in self.pinned.items() if (name, label) not in keys}
        return replace(self, pinned=pinned, unloaded=self.unloaded | keys)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to do now."""

    load: tuple[Candidate, ...]
    """One after the other."""
    retire: tuple[Key, ...]


def make_plan(
    candidates: Sequence[Candidate],
    *,
    serving: Mapping[Key, str],
    failed: Mapping[Key, str],
    unsettled: Set[Key],
    wishes: Wishes,
    default_name: str,
) -> Plan:
    """The difference between what is found and what is served.

    Args:
        candidates: by name, newest version first.
        serving, failed: fingerprints of what was loaded, and of what could not be.
        unsettled: those that changed since the last look: somebody may still be copying.
        wishes: of the operator.
        default_name: the model that is not let go until another version of it serves.
    """
    load: list[Candidate] = []
    retire: list[Key] = []
    names = dict.fromkeys([c.name for c in candidates] + [name for name, _ in serving])
    for name in names:
        found = [c for c in candidates if c.name == name]
        wanted = _wanted(found, serving.keys(), failed, wishes)
        load += [
            c
            for c in wanted
            if c.fingerprint not in (serving.get(c.key), failed.get(c.key))
            and c.key not in unsettled
        ]
        keys = {c.key for c in wanted}
        unwanted = [key for key in serving if key[0] == name and key not in keys]
        if (keys and keys <= set(serving)) or (not keys and name != default_name):
            retire += unwanted
    load.sort(key=lambda candidate: candidate.name not in ("", default_name))
    return Plan(load=tuple(load), retire=tuple(retire))


def why_resting(
    candidate: Candidate,
    candidates: Sequence[Candidate],
    *,
    serving: Set[Key],
    failed: Mapping[Key, str],
    wishes: Wishes,
) -> str:
    """Why a candidate that could be served is not, and what would change that.

    Args:
        candidate: one of `candidates` that is neither served nor has failed.
        candidates, serving, failed, wishes: as for `make_plan`.
    """
    name, label = candidate.key
    if not wishes.unloaded.isdisjoint({(name, label), (name, EVERY)}):
        return "it was unloaded: load it to serve it again"
    if name in wishes.pinned and not wishes.allows(candidate):
        return (
            f"{name} was loaded as {name}@{wishes.pinned[name]} and stays there: load this "
            f"version, or load {name} without one to follow the newest"
        )
    if not wishes.allows(candidate):
        return f"the setting models has {', '.join(wishes.only)}: add it there, or load it"
    found = [c for c in candidates if c.name == name]
    if candidate in _wanted(found, serving, failed, wishes):
        return "it is loaded next, once its files no longer change"
    return (
        f"newer ones come first, and the setting versions is {wishes.keep}: raise it, or load "
        f"this version"
    )


def _wanted(
    found: Sequence[Candidate], serving: Set[Key], failed: Mapping[Key, str], wishes: Wishes
) -> list[Candidate]:
    """Those versions of a model that should be served."""
    usable = [
        c
        for c in found
        if wishes.allows(c) and (c.key in serving or failed.get(c.key) != c.fingerprint)
    ]
    return usable[: wishes.keep]
