"""What was wrong on the command line, in a variable or in the file: a line for each."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence

from pydantic import ValidationError

from server.mistakes import mistake
from server.settings.file import FILE_SETTING
from server.settings.listing import SECRET

SECRETS = ("admin_key", "api_keys")
COMMANDS = ("predict", "bench", "config")
_UNREADABLE = "error parsing CLI: "
"""pydantic-settings, before what argparse says."""
_UNKNOWN = re.compile(r"unrecognized arguments: (\S+).*", re.DOTALL)


def flag_of(name: str) -> str:
    """How a setting is written on the command line."""
    return "--" + name.replace("_", "-")


def refused_values(
    error: ValidationError,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    *,
    prefix: str,
) -> list[str]:
    """Which settings have a wrong value, where it stands, and what was expected."""
    sentences = []
    for problem in error.errors(include_url=False):
        place = ""
        if problem["loc"]:
            name = str(problem["loc"][0])
            place = _place(name, arguments, environment, prefix=prefix)
            if name in SECRETS:
                problem["input"] = SECRET
        sentence = mistake(place, problem)
        is_ours = problem["type"] == "value_error"  # it has said what to do
        sentences.append(sentence if is_ours else f"{sentence}: correct it, or leave it out")
    return sentences


def refused_arguments(message: str, names: Iterable[str]) -> str:
    """A command line that could not be read, or what else kept the settings from being read.

    >>> refused_arguments("error parsing CLI: unrecognized arguments: --prot 80", ["port"])
    '--prot is no flag here, was --port meant? --help lists all'

    Args:
        message: of the SettingsError.
        names: of the settings that there are.
    """
    if not message.startswith(_UNREADABLE):
        return message
    text = message.removeprefix(_UNREADABLE)
    unknown = _UNKNOWN.fullmatch(text)
    if unknown is None:
        return f"{text}; --help lists all flags"
    came = unknown[1].partition("=")[0]
    if came.startswith("-"):
        known, wrong = [flag_of(name) for name in names], "no flag here"
    else:
        known, wrong = list(COMMANDS), f"neither a command ({', '.join(COMMANDS)}) nor of a flag"
    near = difflib.get_close_matches(came, known, n=1)
    do = f", was {near[0]} meant? --help lists all" if near else ": --help lists what there is"
    return f"{came} is {wrong}{do}"


def _place(
    name: str, arguments: Sequence[str], environment: Mapping[str, str], *, prefix: str
) -> str:
    """Where the value stands that counts: flags win over variables, those over the file."""
    flag, variable = flag_of(name), prefix + name.upper()
    if any(argument.partition("=")[0] == flag for argument in arguments):
        return flag
    if variable in environment:
        return variable
    has_file = flag_of(FILE_SETTING) in arguments or prefix + FILE_SETTING.upper() in environment
    return f"{name} in the settings file" if has_file else name
