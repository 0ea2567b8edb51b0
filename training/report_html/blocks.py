"""What sections are made of. The template knows how each kind looks, and escapes every text."""

from dataclasses import dataclass, field
from typing import Literal

from markupsafe import Markup

Role = Literal["ours", "baseline", "target", "ideal", "raw"]
"""Decides colour and dashes of a line or bar, the same all over the report."""


@dataclass(frozen=True, kw_only=True)
class Text:
    """A paragraph."""

    text: str
    kind: str = field(default="text", init=False)


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Says what is missing, and why."""

    text: str
    kind: str = field(default="notice", init=False)


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One number that matters."""

    label: str
    value: str
    note: str
    is_good: bool | None = None
    """Whether a goal is met; None: it has no goal."""


@dataclass(frozen=True, kw_only=True)
class Tiles:
    """The numbers that matter."""

    tiles: tuple[Tile, ...]
    kind: str = field(default="tiles", init=False)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Names and values."""

    title: str
    rows: tuple[tuple[str, str], ...]
    kind: str = field(default="facts", init=False)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Of a table."""

    text: str
    is_number: bool = True
    is_best: bool = False
    share: float | None = None
    """In [0, 1]: how strongly the cell is filled, or how long its bar is."""
    swatch: str = ""
    """A colour shown before the text, as #rrggbb."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of cells; the first cell of a row names it."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    look: Literal["plain", "matrix", "bars"] = "plain"
    """`matrix`: cells filled by their share; `bars`: a bar as long as the share."""
    kind: str = field(default="table", init=False)


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A drawing with a title and what its lines mean."""

    title: str
    svg: Markup
    legend: tuple[tuple[Role, str], ...] = ()
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Charts:
    """Drawings side by side."""

    charts: tuple[Chart, ...]
    title: str = ""
    kind: str = field(default="charts", init=False)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """An image inside the file."""

    caption: str
    uri: str
    """data:image/webp;base64,..."""
    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class PictureRow:
    """One image as picture, truth, answer, ..."""

    title: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What the colours of pictures mean: a bar from low to high."""

    low: str
    high: str
    colours: tuple[str, ...]
    """#rrggbb, evenly spaced."""


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """Rows of pictures."""

    title: str
    rows: tuple[PictureRow, ...]
    note: str = ""
    swatches: tuple[tuple[str, str], ...] = ()
    """(#rrggbb, name) of classes."""
    scales: tuple[Scale, ...] = ()
    kind: str = field(default="gallery", init=False)


Block = Text | Notice | Tiles | Facts | Table | Charts | Gallery


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of the report with a heading."""

    key: str
    """Its anchor."""
    title: str
    blocks: tuple[Block, ...]
