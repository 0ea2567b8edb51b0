"""Tables in Markdown."""

from collections.abc import Sequence

Cell = str | int | float | None


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """A table; None is a dash, numbers keep three digits that count.

    >>> print(markdown_table(["a", "b"], [["x", 0.12345], ["y", None]]))
    | a | b |
    | --- | --- |
    | x | 0.123 |
    | y | - |

    Raises:
        ValueError: a row has more or fewer cells than the header.
    """
    for row in rows:
        if len(row) != len(header):
            raise ValueError(f"a row has {len(row)} cells, the header {len(header)}: {row}")
    lines = [_line(header), _line(["---"] * len(header)), *(_line(row) for row in rows)]
    return "\n".join(lines)


def _line(cells: Sequence[Cell]) -> str:
    return f"| {' | '.join(_text(cell) for cell in cells)} |"


def _text(cell: Cell) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return f"{cell:.0f}" if abs(cell) >= 100 else f"{cell:.3g}"
    return str(cell)
