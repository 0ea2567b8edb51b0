"""Resident memory over the parts of a soak, as a picture."""

from collections.abc import Sequence
from pathlib import Path

from tests.soak.findings import FLAT, Tally


def plot_memory(tallies: Sequence[Tally], path: Path) -> Path:
    """Write a PNG; the band is what the second half may vary by."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(tallies), figsize=(6 * len(tallies), 4), squeeze=False)
    for axis, tally in zip(axes[0], tallies, strict=True):
        mib = [state.rss_bytes / 2**20 for state in tally.states]
        axis.plot(range(1, len(mib) + 1), mib, marker="o")
        if mib:
            half = len(mib) // 2
            least = min(mib[half:])
            axis.fill_between([half + 1, len(mib)], least, least * (1 + FLAT), alpha=0.2)
        axis.set_ylim(bottom=0)
        axis.set_title(f"{tally.title}: {tally.num_sent} requests")
        axis.set_xlabel("part of the load, nothing under way")
        axis.set_ylabel("resident, MiB")
    figure.tight_layout()
    figure.savefig(path, dpi=90)
    pyplot.close(figure)
    return path
