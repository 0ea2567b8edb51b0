"""Mistakes on the command line get one line that says what to do."""

from pathlib import Path

import pytest

from export.__main__ import main
from export.scores import ScoresError, read_scores
from models.weights import save_weights
from tests.tiny_models import TINY, wild


def test_a_checkpoint_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["onnx", str(tmp_path / "none.safetensors"), str(tmp_path / "out")]) == 1
    assert "none.safetensors" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_something_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = TINY["lookup"]
    weights = tmp_path / "weights.safetensors"
    save_weights(weights, config, wild(config).state_dict())
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "beach.jpg").write_bytes(b"sand")
    assert main(["onnx", str(weights), str(tmp_path / "holiday")]) == 1
    assert "holds other files" in capsys.readouterr().err


def test_a_folder_without_a_bundle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(tmp_path)]) == 1
    assert "bundle.json" in capsys.readouterr().err


def test_scores_are_read_as_evaluation_writes_them(tmp_path: Path) -> None:
    file = tmp_path / "scores.json"
    text = (
        '{"flow": [{"suite": "sintel", "title": "", "method": "ours", "num_images": 4,'
        ' "quick": false, "scores": {"epe": 1.23456}}, {"suite": "sintel", "title": "",'
        ' "method": "zero", "num_images": 4, "quick": false, "scores": {"epe": 9.0}}]}'
    )
    file.write_text(text)
    assert read_scores(file) == {"sintel/epe": 1.235}
    file.write_text(text.replace("false", "true"))
    with pytest.raises(ScoresError, match="without --quick"):
        read_scores(file)
    file.write_text('{"flow": [1]}')
    with pytest.raises(ScoresError, match="run it again"):
        read_scores(file)
