"""python -m server                 serve a bundle over HTTP
python -m server predict FILES...  run it on files and write pictures
python -m server bench             measure a server under load
python -m server config            print every setting, its value and where that comes from"""

import sys

from pydantic import ValidationError
from pydantic_settings import CliApp, SettingsError

from models.bundle import BundleError
from models.runtime.select import EngineError
from server.config import ServerConfig
from server.errors import ServerError


def main(arguments: list[str]) -> int:
    """Returns the exit code; an error is one line."""
    try:
        if arguments[:1] == ["predict"]:
            from server.predict_command import PredictCommand

            for line in PredictCommand.from_arguments(arguments[1:]).run():
                print(line)
            return 0
        if arguments[:1] == ["bench"]:
            from server.bench_command import BenchCommand

            for line in BenchCommand.from_arguments(arguments[1:]).run():
                print(line)
            return 0
        if arguments[:1] == ["config"]:
            from server.config_command import ConfigCommand

            page, warnings = ConfigCommand.run_with(arguments[1:])
            print(page)
            for warning in warnings:
                print(f"warning: {warning}", file=sys.stderr)
            return 0
        config = CliApp.run(ServerConfig, cli_args=arguments)
        from server.listener import serve

        return serve(config)
    except ValidationError as error:
        for problem in error.errors():
            where = ".".join(str(part) for part in problem["loc"])
            came = f"{where} is {problem.get('input')!r}: " if where else ""
            print(f"error: {came}{problem['msg']}", file=sys.stderr)
    except (BundleError, EngineError, ServerError, SettingsError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
