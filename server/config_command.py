"""`python -m server config`: every setting, its value, where it comes from, what it means."""

import os
from pathlib import Path
from typing import Literal

from pydantic_settings import CliApp, CliSettingsSource, EnvSettingsSource, SettingsConfigDict

from server.config import PREFIX, SETTINGS, ServerConfig
from server.settings.environment import near_misses
from server.settings.file import read_settings_file
from server.settings.listing import Line, as_text, as_toml, list_settings


class ConfigCommand(ServerConfig):
    """Print every setting as it would be with these flags, variables and file. Nothing starts."""

    model_config = SettingsConfigDict(**SETTINGS, cli_prog_name="python -m server config")

    format: Literal["text", "toml"] = "text"
    """toml writes a file that --config reads: `python -m server config --format toml > FILE`."""

    @classmethod
    def run_with(cls, arguments: list[str]) -> tuple[str, list[str]]:
        """The page, and what should be said besides.

        Raises:
            ValidationError, SettingsError
        """
        command = CliApp.run(cls, cli_args=arguments)
        flags: CliSettingsSource[object] = CliSettingsSource(cls, cli_parse_args=arguments)
        by_rank = [
            {name: f"flag --{name.replace('_', '-')}" for name in flags()},
            {name: PREFIX + name.upper() for name in EnvSettingsSource(cls)()},
            dict.fromkeys(_file_keys(command.config), str(command.config)),
        ]
        sources: dict[str, str] = {}
        for names in by_rank:
            sources = names | sources
        lines: list[Line] = list(list_settings(command, ServerConfig, sources))
        warnings = near_misses(os.environ, ServerConfig.model_fields, prefix=PREFIX)
        return as_toml(lines) if command.format == "toml" else as_text(lines), warnings


def _file_keys(path: Path | None) -> list[str]:
    return [] if path is None else list(read_settings_file(path, ServerConfig.model_fields))
