"""The models that answer, by name and version."""

from collections.abc import Iterable, Iterator

from server.errors import UnknownModel
from server.loading.model_folder import version_key
from server.roster.served_model import ServedModel


class Roster:
    """Who answers to which name. Never changed: a new one takes its place in one step."""

    def __init__(self, models: Iterable[ServedModel] = (), *, default: str = "") -> None:
        self._models: dict[str, list[ServedModel]] = {}
        for model in models:
            self._models.setdefault(model.name, []).append(model)
        for versions in self._models.values():
            versions.sort(key=lambda model: version_key(model.version), reverse=True)
        self.default_name = default
        """Of the model that answers who names none. Empty: there is no such model."""

    def __iter__(self) -> Iterator[ServedModel]:
        for name in sorted(self._models):
            yield from self._models[name]

    def __len__(self) -> int:
        return sum(len(versions) for versions in self._models.values())

    @property
    def default(self) -> ServedModel | None:
        """The newest version of the default model, if it is here."""
        return next(iter(self._models.get(self.default_name, ())), None)

    def has(self, spec: str | None) -> bool:
        """Whether `find` would find it."""
        try:
            self.find(spec)
        except UnknownModel:
            return False
        return True

    def find(self, spec: str | None) -> ServedModel:
        """The model that `spec` names: "name", "name@version", or None for the default.

        Raises:
            UnknownModel
        """
        name, at, version = (self.default_name if spec is None else spec).partition("@")
        for model in self._models.get(name, ()):
            if not at or model.version == version:
                return model
        known = ", ".join(str(model) for model in self) or "none"
        if spec is None:
            raise UnknownModel(
                f"no model was named and there is no default, served are {known}: name one with "
                f"model="
            )
        raise UnknownModel(f"model is {spec!r:.140}, served are {known}: name one of these")
