"""A folder that the engine keeps compiled graphs in, so that the next start is shorter.

A cache that cannot be used is no reason not to serve: it is said once, and done without.
"""

import logging
import shutil
import tempfile
from pathlib import Path

log = logging.getLogger("anyres")

MIN_FREE_BYTES = 256 * 2**20  # the shipped model takes 35 MB; an engine may fail on a full disk


def usable_cache(folder: Path | None, *, min_free_bytes: int = MIN_FREE_BYTES) -> Path | None:
    """The folder, if files can be written there and the disk is not nearly full; else None."""
    if folder is None:
        return None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder) as probe:
            probe.write(b"\0" * 4096)
            probe.flush()
        free = shutil.disk_usage(folder).free
    except OSError as error:
        log.error(
            "engine cache %s cannot be written (%s), starting without: give --engine-cache a "
            "folder that this user may write to",
            folder,
            error.strerror,
        )
        return None
    if free < min_free_bytes:
        log.error(
            "engine cache %s has %.0f MiB free, expected %.0f or more, starting without: make room",
            folder,
            free / 2**20,
            min_free_bytes / 2**20,
        )
        return None
    return folder
