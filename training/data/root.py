"""Where the real data lies: beside the checkout, never inside it."""

import os
from pathlib import Path

VARIABLE = "ANYRES_DATA"
"""Environment variable that overrides the place."""

BESIDE_THE_CHECKOUT = Path(__file__).resolve().parents[3] / "shared" / "data"


def data_root() -> Path:
    """The folder that holds `camvid`, `flow`, `depth` and `images`.

    It may be absent: the readers say so, tests skip.

    Raises:
        FileNotFoundError: the variable is set to something that is no folder.
    """
    chosen = os.environ.get(VARIABLE)
    if not chosen:
        return BESIDE_THE_CHECKOUT
    if not Path(chosen).is_dir():
        raise FileNotFoundError(
            f"{VARIABLE}={chosen} is not a folder, expected the one that holds camvid, flow and "
            f"depth: correct the variable, or unset it to use {BESIDE_THE_CHECKOUT}"
        )
    return Path(chosen)
