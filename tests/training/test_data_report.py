"""`python -m training data`: what is there, and what is wrong."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.training.data import tiny_files
from training.__main__ import main
from training.data.file_formats import FileFormatError, write_flo
from training.data_report import check_data, list_data

SIZE = (2, 4)


def write_folder(folder: Path) -> str:
    for number in range(3):
        tiny_files.image(folder / f"images/{number}.png", SIZE)
        tiny_files.indices(folder / f"labels/{number}.png", [[0, 0, 0, 255], [0, 0, 1, 255]])
        tiny_files.png16(folder / f"depth/{number}.png", [[0, 500, 500, 500], [2000] * 4])
    (folder / "flow").mkdir()
    flow = tiny_files.constant_flow(SIZE, 3, 4)
    flow[:, 0] = np.nan
    for number in range(2):
        write_flo(folder / f"flow/{number}.flo", flow)
    notes = {"class_names": ["wall", "crack", "door"], "depth_steps_per_m": 1000}
    tiny_files.text(folder / "dataset.json", json.dumps(notes))
    return f"folder:{folder}"


def test_a_data_set_says_what_it_holds(tmp_path: Path) -> None:
    lines: list[str] = []
    spec = write_folder(tmp_path)
    found = check_data(spec, num_samples=0, report=lines.append)
    assert found.num_read == 2
    assert lines == [
        f"{spec}: 2 samples, all read, no file is wrong",
        "sizes (HxW): 2x4 (2)",
        "samples: pairs 2, labels 2, depth 2, flow 2",
        "depth: known at 87.5% of the pixels, 0.5 to 2 m",
        "flow: known at 75.0% of the pixels, up to 5 px",
        "labels: 75.0% of the pixels, of 3 classes",
        "    0 wall   83.333%",
        "    1 crack  16.667%",
        "    2 door    0.000%  never",
    ]


def test_a_part_is_spread_over_the_data_set(tmp_path: Path) -> None:
    for number in range(9):
        tiny_files.image(tmp_path / f"images/{number}.png", (1, number + 1))
    lines: list[str] = []
    found = check_data(f"folder:{tmp_path}", num_samples=3, report=lines.append)
    assert set(found.sizes) == {(1, 1), (1, 5), (1, 9)}
    assert "9 samples, 3 of them read" in lines[0]


def test_the_first_wrong_file_is_named(tmp_path: Path) -> None:
    spec = write_folder(tmp_path)
    tiny_files.indices(tmp_path / "labels/1.png", np.full(SIZE, 7))
    with pytest.raises(
        FileFormatError, match=r"labels/1\.png: holds the value 7, expected 0-2, 25"
    ):
        check_data(spec, num_samples=0, report=lambda _: None)


def test_the_list_says_what_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANYRES_DATA", str(tmp_path))
    (tmp_path / "camvid").mkdir()
    lines: list[str] = []
    list_data(lines.append)
    text = "\n".join(lines)
    assert "camvid:train, camvid:val, camvid:test\n    road scenes with labels\n" in text
    assert "(not there: cityscapes)" in text
    assert "folder:PATH" in text


def test_the_command_prints_the_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["data", write_folder(tmp_path), "--num-samples", "1"])
    assert "2 samples, 1 of them read, no file is wrong" in capsys.readouterr().out
    main(["data"])
    assert "cityscapes:train" in capsys.readouterr().out
