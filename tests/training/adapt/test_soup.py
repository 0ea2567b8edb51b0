"""Weights averaged."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.weights import load_weights, read_weights, save_weights
from tests.tiny_models import TINY, wild
from training.adapt.soup import SoupError, average_files


def files(folder: Path) -> list[Path]:
    config = TINY["lookup"]
    first = wild(config).state_dict()
    paths = [folder / "a.safetensors", folder / "b.safetensors"]
    save_weights(paths[0], config, first, recipe="tiny", step="7")
    save_weights(paths[1], config, {name: 5 * value for name, value in first.items()})
    return paths


def test_shares_are_scaled_to_one_and_the_first_file_names_the_model(tmp_path: Path) -> None:
    paths = files(tmp_path)
    average_files(paths, [3.0, 1.0], tmp_path / "c.safetensors")
    first, found = load_weights(paths[0]), load_weights(tmp_path / "c.safetensors")
    assert found.config == first.config
    for name, value in first.state_dict().items():
        torch.testing.assert_close(found.state_dict()[name], 2 * value)  # 3/4 + 5/4
    header = read_weights(tmp_path / "c.safetensors")[0]
    assert header["soup"] == "0.75 of a.safetensors, 0.25 of b.safetensors"
    assert (header["recipe"], header["step"]) == ("tiny", "7")


@pytest.mark.parametrize("shares", [[1.0], [1.0, -1.0], [0.0, 0.0], [1.0, 1.0, 1.0]])
def test_shares_that_say_nothing_are_refused(tmp_path: Path, shares: list[float]) -> None:
    with pytest.raises(SoupError, match="expected two files or more and a share"):
        average_files(files(tmp_path), shares, tmp_path / "c.safetensors")


def test_another_network_is_refused(tmp_path: Path) -> None:
    other = replace(TINY["lookup"], neck_channels=24)
    odd = tmp_path / "odd.safetensors"
    save_weights(odd, other, wild(other).state_dict())
    with pytest.raises(SoupError, match=r"odd.safetensors is another network than .*a.safetensors"):
        average_files([files(tmp_path)[0], odd], [1.0, 1.0], tmp_path / "c.safetensors")
