"""Mistakes on the command line get one line that says what to do."""

from pathlib import Path

import pytest

from export.__main__ import main
from export.scores import ScoresError, read_scores
from models.bundle_folder import read_bundle
from models.weights import save_weights
from tests.tiny_models import TINY, wild
from tests.toy_bundle import write_toy_bundle


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


def test_scores_go_into_a_bundle_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "toy").mkdir()
    write_toy_bundle(tmp_path / "toy")
    (tmp_path / "toy" / "MODEL_CARD.md").write_text("what it is")
    scores = tmp_path / "scores.json"
    scores.write_text(
        '{"flow": [{"suite": "sintel", "method": "ours", "quick": false, "scores": {"epe": 2.0}}]}'
    )
    assert main(["score", str(tmp_path / "toy"), str(scores)]) == 0
    bundle = read_bundle(tmp_path / "toy")
    assert bundle.scores == {"sintel/epe": 2.0}
    assert "MODEL_CARD.md" in bundle.files
    # The card was edited since: it is listed as it is now. A graph that was edited is refused.
    (tmp_path / "toy" / "MODEL_CARD.md").write_text("what it is, in more words")
    assert main(["score", str(tmp_path / "toy"), str(scores)]) == 0
    read_bundle(tmp_path / "toy")
    graph = tmp_path / "toy" / "frame.onnx"
    graph.write_bytes(graph.read_bytes() + b" ")
    assert main(["score", str(tmp_path / "toy"), str(scores)]) == 1
