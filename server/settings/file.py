"""Settings from a TOML file: flat, each key the name of a setting."""

import difflib
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsError

FILE_SETTING = "config"  # names the file, so it cannot come from it
MAX_FILE_BYTES = 2**20


def read_settings_file(path: Path, names: Iterable[str]) -> dict[str, Any]:
    """The values of a file by name of setting; `names` are those of all settings.

    Raises:
        SettingsError: no such file, no TOML, or a key that is no setting.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise SettingsError(f"{path}: {path.stat().st_size} bytes, expected 1 MiB at most")
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(
            f"{path}: {error.strerror}; expected a TOML file: `python -m server config "
            f"--format toml` writes one"
        ) from error
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError are ValueErrors
        raise SettingsError(f"{path}: {error}; expected TOML like `port = 8000`") from error
    known = [name for name in names if name != FILE_SETTING]
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(key.replace("-", "_").lower(), known, n=1, cutoff=0)
            raise SettingsError(
                f"{path}: {key!r:.80} is no setting, the nearest is {near[0]!r}: correct it, or "
                f"see all with `python -m server config`"
            )
    return values


class FileSource(PydanticBaseSettingsSource):
    """The file that `config` names, in a flag or in a variable. Without it, nothing."""

    def __init__(self, settings_cls: type[BaseSettings], names: Iterable[str]) -> None:
        super().__init__(settings_cls)
        self._names = tuple(names)

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Not called: `__call__` gives all at once."""
        raise NotImplementedError(f"{field_name}: {field}")

    def __call__(self) -> dict[str, Any]:
        """See pydantic-settings. Sources of higher rank have spoken already."""
        path = self.current_state.get(FILE_SETTING)
        return {} if not path else read_settings_file(Path(path), self._names)
