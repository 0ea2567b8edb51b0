"""python -m server                 serve a bundle over HTTP
python -m server predict FILES...  run it on files and write pictures
python -m server bench             measure a server under load
python -m server config            print every setting, its value and where that comes from"""

import os
import sys

from pydantic import ValidationError
from pydantic_settings import BaseSettings, CliApp, SettingsError

from models.bundle import BundleError
from models.runtime.select import EngineError
from server.config import PREFIX, ServerConfig
from server.errors import ServerError
from server.settings.refused import refused_arguments, refused_values


def main(arguments: list[str]) -> int:
    """Returns the exit code; an error is one line."""
    kind: type[BaseSettings] = ServerConfig
    try:
        if arguments[:1] == ["predict"]:
            from server.predict_command import PredictCommand

            kind = PredictCommand
            for line in PredictCommand.from_arguments(arguments[1:]).run():
                print(line)
            return 0
        if arguments[:1] == ["bench"]:
            from server.bench_command import BenchCommand

            kind = BenchCommand
            for line in BenchCommand.from_arguments(arguments[1:]).run():
                print(line)
            return 0
        if arguments[:1] == ["config"]:
            from server.config_command import ConfigCommand

            kind = ConfigCommand
            page, warnings = ConfigCommand.run_with(arguments[1:])
            print(page)
            for warning in warnings:
                print(f"warning: {warning}", file=sys.stderr)
            return 0
        config = CliApp.run(ServerConfig, cli_args=arguments)
        from server.listener import serve

        return serve(config)
    except ValidationError as error:
        for sentence in refused_values(error, arguments, os.environ, prefix=PREFIX):
            _say(sentence)
    except SettingsError as error:
        _say(refused_arguments(str(error), kind.model_fields))
    except OSError as error:
        _say(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except (BundleError, EngineError, ServerError) as error:
        _say(str(error))
    return 1


def _say(sentence: str) -> None:
    print(f"error: {sentence}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
