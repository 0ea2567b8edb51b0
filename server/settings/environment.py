"""Variables that look like settings and are none: a typing error says nothing by itself."""

import difflib
from collections.abc import Iterable, Mapping


def near_misses(environment: Mapping[str, str], names: Iterable[str], *, prefix: str) -> list[str]:
    """A sentence for each variable that is nearly the name of a setting.

    >>> near_misses({"ANYRES_PROT": "80", "ANYRES_DATA": "/data"}, ["port"], prefix="ANYRES_")
    ['ANYRES_PROT is no setting and changes nothing: was ANYRES_PORT meant?']
    """
    known = [prefix + name.upper() for name in names]
    sentences = []
    for variable in sorted(environment):
        if not variable.startswith(prefix) or variable in known:
            continue
        for near in difflib.get_close_matches(variable, known, n=1, cutoff=0.85):
            sentences.append(f"{variable} is no setting and changes nothing: was {near} meant?")
    return sentences
