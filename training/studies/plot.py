"""Figures as files. Never a window: studies run where there is no screen."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Told apart by colour-blind readers too (Okabe and Ito 2008), without the yellow.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One line of a figure."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    dashed: bool = False
    hollow: bool = False
    """Markers without a filling."""
    colour: int = 0
    """Number of the colour and of the marker."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One pair of axes."""

    title: str
    x_label: str
    y_label: str
    curves: Sequence[Curve]
    x_scale: Literal["linear", "log"] = "linear"
    x_ticks: Sequence[float] = ()
    """Where to label the x axis; matplotlib's choice where empty."""


def save_curves(paths: Sequence[Path], panels: Sequence[Panel], *, title: str) -> None:
    """Panels side by side, one legend each; the format follows from each path (.svg, .png).

    Raises:
        ValueError: no panel, or a curve whose x and y differ in length.
    """
    if not panels:
        raise ValueError("no panel came, expected one or more: a figure shows something")
    figure = Figure(figsize=(6.0 * len(panels), 4.8), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=11)
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for curve in panel.curves:
            if len(curve.x) != len(curve.y):
                raise ValueError(
                    f"curve {curve.label} has {len(curve.x)} x and {len(curve.y)} y: as many"
                )
            axes.plot(
                curve.x,
                curve.y,
                label=curve.label,
                color=COLOURS[curve.colour % len(COLOURS)],
                marker=MARKERS[curve.colour % len(MARKERS)],
                markersize=9 if curve.hollow else 5,
                markerfacecolor="none" if curve.hollow else None,
                linestyle="--" if curve.dashed else "-",
            )
        axes.set_title(panel.title, fontsize=10)
        axes.set_xlabel(panel.x_label)
        axes.set_ylabel(panel.y_label)
        axes.set_xscale(panel.x_scale)
        if panel.x_ticks:
            axes.set_xticks(panel.x_ticks, [f"{x:g}" for x in panel.x_ticks])
            axes.minorticks_off()
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    for path in paths:
        # Without a date the same numbers give the same file.
        figure.savefig(path, dpi=120, metadata={"Date": None} if path.suffix == ".svg" else None)
