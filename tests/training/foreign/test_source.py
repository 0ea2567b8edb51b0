"""Files of weights are read as they are found, and run no code."""

import argparse
import json
import os
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from training.foreign.errors import ForeignError
from training.foreign.source import PixelScale, pixel_scale_beside, read_source

ONE = torch.ones(2, 3)


@pytest.mark.parametrize(
    "checkpoint",
    [
        {"norm.weight": ONE},
        OrderedDict({"norm.weight": ONE}),
        {"model": {"norm.weight": ONE}, "epoch": 3},
        {"state_dict": {"module.norm.weight": ONE}},
        {"teacher": {"module.norm.weight": ONE}, "student": {"norm.weight": ONE * 2}},
        {"model": {"_orig_mod.module.norm.weight": ONE}, "args": argparse.Namespace(lr=1.0)},
        {"model": {"state_dict": {"norm.weight": ONE}}},
    ],
    ids=str,
)
def test_weights_are_found_under_what_is_wrapped_around_them(
    checkpoint: dict[str, Any], tmp_path: Path
) -> None:
    torch.save(checkpoint, tmp_path / "weights.pth")
    found = read_source(tmp_path / "weights.pth")
    assert list(found) == ["norm.weight"]
    assert torch.equal(found["norm.weight"], ONE)


def test_a_prefix_that_some_names_lack_stays(tmp_path: Path) -> None:
    save_file({"model.norm": ONE, "head": ONE.clone()}, tmp_path / "weights.safetensors")
    assert set(read_source(tmp_path / "weights.safetensors")) == {"model.norm", "head"}


class Trap:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, ("trapped",)


def test_a_file_that_would_run_code_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"norm.weight": ONE, "trap": Trap()}, tmp_path / "weights.pth")
    with pytest.raises(ForeignError, match=r"plain values alone, it asks for (posix|nt).mkdir"):
        read_source(tmp_path / "weights.pth")
    assert not (tmp_path / "trapped").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("weights.safetensors", b"not tensors", "not a readable safetensors file"),
        ("weights.pth", b"not tensors", "not a file of tensors"),
        ("weights.pth", b"", "not a file of tensors"),
        # Begins as pickles do: a key of two bytes that are no text, an item of an empty stack.
        ("weights.pth", b"\x80\x02X\x02\x00\x00\x00\xff\xfe.", "not a file of tensors"),
        ("weights.pth", b"\x80\x02a.", "not a file of tensors"),
    ],
)
def test_something_else_is_refused(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ForeignError, match=message):
        read_source(tmp_path / name)


def test_a_checkpoint_without_tensors_is_refused(tmp_path: Path) -> None:
    torch.save({"epoch": 3}, tmp_path / "weights.pth")
    with pytest.raises(ForeignError, match="no tensors, expected a state dict"):
        read_source(tmp_path / "weights.pth")
    with pytest.raises(ForeignError, match="no such file"):
        read_source(tmp_path / "none.pth")


def test_the_scale_of_pixels_is_read_beside_the_file(tmp_path: Path) -> None:
    weights = tmp_path / "model.safetensors"
    assert pixel_scale_beside(weights) is None
    (tmp_path / "preprocessor_config.json").write_text(
        json.dumps({"image_mean": [0.4, 0.5, 0.6], "image_std": [0.1, 0.2, 0.3]})
    )
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "dinov2"}))
    expected = PixelScale(mean=(0.4, 0.5, 0.6), std=(0.1, 0.2, 0.3))
    assert pixel_scale_beside(weights) == expected
    half = {"pretrained_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}}
    (tmp_path / "config.json").write_text(json.dumps(half))
    assert pixel_scale_beside(weights) == PixelScale(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    (tmp_path / "config.json").write_text("{}")
    levels = {"image_mean": [123.7, 116.3, 103.5], "image_std": [58.4, 57.1, 57.4]}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(levels))
    with pytest.raises(ForeignError, match=r"sor_config.json: mean \(123.7, .*divide them by 255"):
        pixel_scale_beside(weights)
