"""Files that are there whole or not at all."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Where to write what becomes `path` when the block ends without an error.

    A reader never sees half a file. The place has a name of its own, which ends in .partial:
    several processes may write the same file at a time.
    """
    partial = path.with_name(f"{path.name}.{secrets.token_hex(8)}.partial")
    try:
        yield partial
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_whole(path: Path, text: str) -> None:
    """Text into a file, in UTF-8."""
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8")
