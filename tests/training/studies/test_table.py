"""Tables and figures say what they were given."""

from pathlib import Path

import pytest

from training.studies.plot import Curve, Panel, save_curves
from training.studies.table import markdown_table


def test_numbers_keep_three_digits_and_nothing_is_a_dash() -> None:
    table = markdown_table(["name", "a", "b"], [["x", 1234.5, 0.98765], ["y", 3, None]])
    assert table.splitlines()[2:] == ["| x | 1234 | 0.988 |", "| y | 3 | - |"]


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="a row has 1 cells, the header 2"):
        markdown_table(["a", "b"], [["x"]])


def test_a_figure_names_its_curves_and_axes(tmp_path: Path) -> None:
    curves = [
        Curve(label="two windows", x=[1.0, 2.0], y=[0.1, 0.2]),
        Curve(label="full", x=[1.0], y=[0.0]),
    ]
    panel = Panel(title="vit", x_label="seconds", y_label="mIoU", curves=curves, x_ticks=(1.0, 2.0))
    paths = [tmp_path / "plot.svg", tmp_path / "plot.png"]
    save_curves(paths, [panel, panel], title="a study")
    text = paths[0].read_text()
    for word in ("two windows", "full", "vit", "seconds", "mIoU", "a study"):
        assert f"<!-- {word} -->" in text, word
    assert paths[1].read_bytes()[:4] == b"\x89PNG"


def test_a_curve_with_missing_values_is_refused(tmp_path: Path) -> None:
    panel = Panel(
        title="", x_label="", y_label="", curves=[Curve(label="c", x=[1.0, 2.0], y=[1.0])]
    )
    with pytest.raises(ValueError, match="curve c has 2 x and 1 y"):
        save_curves([tmp_path / "plot.svg"], [panel], title="")
    with pytest.raises(ValueError, match="no panel came"):
        save_curves([tmp_path / "plot.svg"], [], title="")
