"""The toy bundle, for images as long as 12000 px."""

from pathlib import Path

from models.bundle import SizeLimits
from models.bundle_folder import write_bundle
from tests.toy_bundle import toy_bundle, write_toy_bundle


def write_long_bundle(folder: Path) -> None:
    """Graphs and manifest in `folder`, which must exist."""
    write_toy_bundle(folder)
    limits = SizeLimits(min_side=1, max_side=16384, max_mpx=4.0)
    write_bundle(folder, toy_bundle(size_limits=limits))
