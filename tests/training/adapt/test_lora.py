"""Adapters begin as nothing, are all that learns, and disappear into the weights."""

import copy
from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.dense_model import DenseModel
from models.runtime.eager import EagerRuntime
from models.runtime.predictor import Prediction, predict
from tests.tiny_models import TINY, wild
from training.adapt.lora import LoraError, LoraLinear, add_lora, is_adapter, lora_factor, merged
from training.adapt.parts import PartError
from training.recipe import LoraConfig

CONFIG = LoraConfig(rank=2, alpha=8.0)
EVERYWHERE = LoraConfig(rank=2, alpha=8.0, parts=("backbone", "neck", "depth", "flow*"))


def answers(model: DenseModel) -> Prediction:
    image = np.random.default_rng(0).integers(0, 256, (48, 80, 3), np.uint8)
    return predict(EagerRuntime(copy.deepcopy(model)), image, np.roll(image, 2, axis=1))


def adapted(family: str, config: LoraConfig = EVERYWHERE) -> DenseModel:
    """A model whose adapters say something."""
    model = wild(TINY[family])
    add_lora(model, config)
    for name, parameter in model.named_parameters():
        if is_adapter(name):
            nn.init.normal_(parameter, std=0.2)
    return model


def test_one_layer_by_hand() -> None:
    base = nn.Linear(2, 2)
    base.weight.data = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    base.bias.data = torch.tensor([0.5, 0.0])
    layer = LoraLinear(base, LoraConfig(rank=1, alpha=3.0))
    layer.lora_down.data = torch.tensor([[1.0, 2.0]])
    layer.lora_up.data = torch.tensor([[0.0], [1.0]])
    # down x = 10 + 2 * 1 = 12, up of it (0, 12), times 3 / 1.
    assert layer(torch.tensor([10.0, 1.0])).tolist() == [10.5, 37.0]
    state = {name: p.detach() for name, p in layer.named_parameters(prefix="x")}
    plain = merged(state, 3.0)
    assert plain["x.weight"].tolist() == [[1.0, 0.0], [3.0, 7.0]]
    assert set(plain) == {"x.weight", "x.bias"}
    assert base.weight.tolist() == [[1.0, 0.0], [0.0, 1.0]]  # not touched


@pytest.mark.parametrize("family", sorted(TINY))
@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_the_first_answer_is_the_base_model_s_to_the_bit(family: str, precision: str) -> None:
    # Frozen both: PyTorch multiplies in another order where a weight needs a gradient.
    base, model = wild(TINY[family]).requires_grad_(False), wild(TINY[family])
    assert add_lora(model, EVERYWHERE)
    image = np.random.default_rng(0).integers(0, 256, (48, 80, 3), np.uint8)
    known: Literal["f32", "bf16"] = "bf16" if precision == "bf16" else "f32"
    first, second = (
        predict(EagerRuntime(m, precision=known), image, np.roll(image, 2, axis=1))
        for m in (base, model)
    )
    for name in ("labels", "label_confidence", "depth", "depth_uncertainty", "flow"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_only_linear_layers_of_the_parts_get_an_adapter_and_lose_their_gradient() -> None:
    model = wild(TINY["lookup"])
    names = add_lora(model, LoraConfig(rank=2, parts=("backbone.blocks_16.0", "depth.hidden")))
    assert "backbone.blocks_16.0.gather_q" in names
    assert "depth.hidden" in names
    assert not [n for n in names if not n.startswith(("backbone.blocks_16.0.", "depth.hidden"))]
    learning = {name: p.requires_grad for name, p in model.named_parameters()}
    assert learning["depth.hidden.lora_up"]
    assert not learning["depth.hidden.weight"]
    assert not learning["depth.hidden.bias"]
    assert learning["depth.project.weight"]
    assert learning["backbone.blocks_16.0.mix.weight"]  # a convolution


@pytest.mark.parametrize("family", sorted(TINY))
def test_merged_weights_answer_like_the_adapters(family: str) -> None:
    model = adapted(family)
    state: dict[str, Tensor] = {name: p.detach() for name, p in model.named_parameters()}
    plain = DenseModel(TINY[family])
    plain.load_state_dict(merged(state, lora_factor(EVERYWHERE)))
    base, expected, found = answers(wild(TINY[family])), answers(model), answers(plain)
    for name in ("depth", "flow"):
        before, with_adapters, after = (getattr(x, name) for x in (base, expected, found))
        assert np.abs(with_adapters - before).max() > 1e-2, "the adapters say nothing"
        np.testing.assert_allclose(after, with_adapters, atol=1e-5, rtol=1e-5)


def test_adapters_that_cannot_be_are_refused() -> None:
    with pytest.raises(LoraError, match="rank is -1, expected 1 or more, or 0"):
        add_lora(wild(TINY["vit"]), LoraConfig(rank=-1))
    with pytest.raises(PartError, match=r"lora\.parts: no parameter lies in 'attention'"):
        add_lora(wild(TINY["vit"]), LoraConfig(rank=1, parts=("attention",)))
    with pytest.raises(LoraError, match=r"'backbone\.patch' holds no linear layer \(convolutions"):
        add_lora(wild(TINY["vit"]), LoraConfig(rank=1, parts=("backbone.patch",)))
    model = wild(TINY["vit"])
    assert add_lora(model, LoraConfig()) == []
    assert all(p.requires_grad for p in model.parameters())
