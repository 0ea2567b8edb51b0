"""A bias per class, fitted after training."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from models.config import ModelConfig
from models.weights import load_weights, read_weights, save_weights
from tests.tiny_models import TINY, wild
from training.adapt.class_bias import ClassBiasError, balance_file, cells_of, fit_bias


def test_a_class_that_is_answered_too_often_is_held_back() -> None:
    generator = torch.Generator().manual_seed(0)
    truth = (torch.rand(4000, generator=generator) < 0.1).long()
    signal = torch.randn(4000, generator=generator) + 3 * truth.float()
    # As trained with a weight of e^2 for the rare class: its log shifts the logits.
    logits = torch.stack([torch.zeros(4000), signal - 1.5 + 2], dim=1)
    balance = fit_bias(logits, truth)
    assert balance.after > balance.before + 0.1
    assert balance.bias[1] - balance.bias[0] < -1
    assert balance.bias.sum() == pytest.approx(0, abs=1e-5)
    chosen = (logits + balance.bias).argmax(1)
    hit = ((chosen == 1) & (truth == 1)).sum() / ((chosen == 1) | (truth == 1)).sum()
    rest = ((chosen == 0) & (truth == 0)).sum() / ((chosen == 0) | (truth == 0)).sum()
    assert balance.after == pytest.approx(((hit + rest) / 2).item())


def test_logits_that_are_right_stay() -> None:
    truth = torch.arange(300) % 3
    logits = torch.nn.functional.one_hot(truth, 3).float()
    balance = fit_bias(logits, truth)
    assert (balance.before, balance.after) == (1.0, 1.0)
    assert not balance.bias.any()


def test_a_class_that_never_occurs_has_no_say() -> None:
    truth = torch.arange(100) % 2
    logits = torch.nn.functional.one_hot(truth, 3).float()
    logits[:10, 0] += 0.4
    assert fit_bias(logits, truth).before == 1.0


def data_set(folder: Path) -> str:
    rng = np.random.default_rng(0)
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True)
    for number in range(3):
        pixels = rng.integers(0, 256, (40, 56, 3), np.uint8)
        Image.fromarray(pixels).save(folder / "images" / f"{number}.png")
        labels = np.where(rng.random((40, 56)) < 0.1, 255, rng.integers(0, 11, (40, 56)))
        Image.fromarray(labels.astype(np.uint8)).save(folder / "labels" / f"{number}.png")
    names = '", "'.join(class_names())
    (folder / "dataset.json").write_text(f'{{"class_names": ["{names}"]}}')
    return f"folder:{folder}"


def class_names() -> tuple[str, ...]:
    head = TINY["lookup"].segmentation
    assert head is not None
    return head.class_names


def write(path: Path, config: ModelConfig) -> Path:
    save_weights(path, config, wild(config).state_dict(), recipe="tiny", step="7")
    return path


def test_the_bias_goes_into_the_last_layer_and_nothing_else_changes(tmp_path: Path) -> None:
    weights = write(tmp_path / "a.safetensors", TINY["lookup"])
    spec = data_set(tmp_path / "data")
    out = tmp_path / "b.safetensors"
    names, balance = balance_file(weights, [spec], out)
    assert names == class_names()
    before, after = load_weights(weights), load_weights(out)
    for name, value in before.state_dict().items():
        expected = value + balance.bias if name == "segmentation.project.bias" else value
        assert torch.equal(after.state_dict()[name], expected)
    header = read_weights(out)[0]
    assert (header["recipe"], header["step"], header["balanced_on"]) == ("tiny", "7", spec)
    # What was promised is what the written model does.
    logits, truth = cells_of(after, [spec])
    assert fit_bias(logits, truth).before == pytest.approx(balance.after, abs=0.01)
    assert len(truth) == pytest.approx(0.9 * 3 * 10 * 14, rel=0.1)


def test_a_model_without_classes_is_refused(tmp_path: Path) -> None:
    config = ModelConfig(
        name="x", backbone=TINY["lookup"].backbone, neck_channels=16, segmentation=None, flow=None
    )
    with pytest.raises(ClassBiasError, match="has depth, expected segmentation"):
        balance_file(write(tmp_path / "a.safetensors", config), ["camvid:train"], tmp_path / "b")
