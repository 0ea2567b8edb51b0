"""Every parameter learns, in exactly one group, at a known rate."""

import torch
from torch import nn

from models.dense_model import DenseModel
from models.presets import PRESETS
from training.optimizer import Average, make_optimizer
from training.recipe import OptimizerConfig


def test_each_parameter_is_in_exactly_one_group_and_only_matrices_decay() -> None:
    model = DenseModel(PRESETS["lookup-t"])
    groups = make_optimizer(model, OptimizerConfig(learning_rate=1e-3)).param_groups
    names = {id(p): name for name, p in model.named_parameters()}
    found = [names[id(p)] for group in groups for p in group["params"]]
    assert sorted(found) == sorted(names.values())
    assert [group["lr"] for group in groups] == [1e-3, 1e-3]
    still = {names[id(p)] for group in groups for p in group["params"] if not group["weight_decay"]}
    assert "backbone.blocks_16.0.gather_q.bias" in still
    assert "backbone.blocks_16.0.mix.weight" in still  # depthwise: one input channel per kernel
    assert "backbone.blocks_16.0.gather_q.weight" not in still


def test_the_average_follows_the_weights() -> None:
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 0.0)
    average = Average(model, decay=0.5)
    nn.init.constant_(model.weight, 1.0)
    average.update(model, step=0)
    assert torch.allclose(average.state["weight"], torch.tensor(0.9))  # (1 + 0) / (10 + 0) is kept
    average.update(model, step=100)
    assert torch.allclose(average.state["weight"], torch.tensor(0.95))
