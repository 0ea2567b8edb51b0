"""The studies by name, for the command line. Nothing heavy is imported until one runs."""

from typing import Protocol

import tyro

from training.studies.multi_resolution import MultiResolutionStudy
from training.studies.win_win import WinWin


class Study(Protocol):
    """Options of a study, and the study itself."""

    def run(self) -> None:
        """Do it and write its table and plot."""
        ...


STUDIES: dict[str, type[Study]] = {
    "multi-resolution": MultiResolutionStudy,
    "win-win": WinWin,
}


def run_study(arguments: list[str]) -> None:
    """Run the study that the first argument names.

    Raises:
        ValueError: no study has that name.
    """
    name = arguments[0] if arguments else "nothing"
    if name not in STUDIES:
        raise ValueError(f"{name} came, expected a study: one of {', '.join(sorted(STUDIES))}")
    prog = f"python -m training study {name}"
    tyro.cli(STUDIES[name], prog=prog, args=arguments[1:]).run()
