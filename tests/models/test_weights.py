"""Weights files carry their configuration and refuse what is not theirs."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from models.config import ConfigError, LookupConfig, ModelConfig, config_from_dict, config_to_dict
from models.dense_model import DenseModel
from models.presets import PRESETS
from models.weights import WeightsError, load_weights, save_weights

SMALL = ModelConfig(
    name="small",
    backbone=LookupConfig(channels=(8, 16, 32), num_blocks=(1, 1, 1), num_heads=2),
    neck_channels=16,
)


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_every_preset_survives_json(name: str) -> None:
    assert config_from_dict(config_to_dict(PRESETS[name])) == PRESETS[name]


def test_an_unknown_family_lists_the_known_ones() -> None:
    plain = config_to_dict(SMALL)
    plain["backbone"]["family"] = "resnet-9000"
    with pytest.raises(
        ConfigError, match=r"'resnet-9000', expected one of \['lookup', 'resformer', 'vit'\]"
    ):
        config_from_dict(plain)


def test_an_unknown_field_is_named() -> None:
    with pytest.raises(ConfigError, match="has no field wheels"):
        config_from_dict({**config_to_dict(SMALL), "wheels": 4})


def test_weights_come_back_with_their_config(tmp_path: Path) -> None:
    model = DenseModel(replace(SMALL, flow=None))
    save_weights(tmp_path / "w.safetensors", model.config, model.state_dict(), step="7")
    found = load_weights(tmp_path / "w.safetensors")
    assert found.config == model.config
    for name, value in model.state_dict().items():
        assert torch.equal(found.state_dict()[name], value)


def test_missing_parameters_are_counted(tmp_path: Path) -> None:
    model = DenseModel(SMALL)
    state = dict(list(model.state_dict().items())[3:])
    save_weights(tmp_path / "w.safetensors", SMALL, state)
    with pytest.raises(WeightsError, match="3 parameters are missing and 0 are unknown"):
        load_weights(tmp_path / "w.safetensors")


def test_a_file_without_config_is_refused(tmp_path: Path) -> None:
    save_file({"x": torch.zeros(1)}, tmp_path / "w.safetensors")
    with pytest.raises(WeightsError, match="no 'config'"):
        load_weights(tmp_path / "w.safetensors")


def test_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").write_bytes(b"not a tensor")
    with pytest.raises(WeightsError, match="not a readable safetensors file"):
        load_weights(tmp_path / "w.safetensors")
