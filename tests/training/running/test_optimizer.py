"""Every parameter learns, in exactly one group, at a known rate."""

import pytest
import torch
from torch import nn

from models.dense_model import DenseModel
from models.presets import PRESETS
from tests.tiny_models import TINY
from training.adapt.parts import PartError
from training.recipe import OptimizerConfig
from training.running.optimizer import (
    Average,
    Group,
    GroupError,
    group_table,
    make_optimizer,
    parameter_groups,
    set_rate,
)


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


def grouped(config: OptimizerConfig, *frozen: str) -> dict[str, Group]:
    """By parameter's name, its group; each is in one alone."""
    model = DenseModel(TINY["vit"])
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not name.startswith(frozen) if frozen else True)
    groups = parameter_groups(model, config)
    names = [name for group in groups for name in group.names]
    assert sorted(names) == sorted(n for n, p in model.named_parameters() if p.requires_grad)
    assert sum(g.num_parameters for g in groups) == sum(
        p.numel() for p in model.parameters() if p.requires_grad
    )
    return {name: group for group in groups for name in group.names}


def test_a_part_learns_at_its_own_rate_and_the_last_word_counts() -> None:
    rates = (("backbone", 0.1), ("flow*", 2.0), ("backbone.blocks.1", 0.5))
    found = grouped(OptimizerConfig(rate_factors=rates))
    assert found["backbone.patch.weight"].rate_factor == 0.1
    assert found["backbone.blocks.0.qkv.bias"].rate_factor == 0.1
    assert found["backbone.blocks.1.qkv.bias"].rate_factor == 0.5
    assert found["flow_head.head.weight"].rate_factor == 2.0
    assert found["neck.lateral.16.weight"].rate_factor == 1.0


def test_layer_decay_falls_with_the_depth_and_multiplies_the_factor() -> None:
    found = grouped(OptimizerConfig(layer_decay=0.5, rate_factors=(("backbone", 0.1),)))
    assert found["segmentation.project.weight"].rate_factor == 1.0
    assert found["backbone.norm.weight"].rate_factor == pytest.approx(0.1)
    assert found["backbone.blocks.1.qkv.weight"].rate_factor == pytest.approx(0.05)
    assert found["backbone.blocks.0.qkv.weight"].rate_factor == pytest.approx(0.025)
    assert found["backbone.patch.weight"].rate_factor == pytest.approx(0.0125)


def test_each_group_steps_at_its_own_rate() -> None:
    model = DenseModel(TINY["vit"])
    optimizer = make_optimizer(model, OptimizerConfig(rate_factors=(("depth", 0.25),)))
    set_rate(optimizer, 0.01)
    depth = {id(p) for name, p in model.named_parameters() if name.startswith("depth.")}
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            assert group["lr"] == (0.0025 if id(parameter) in depth else 0.01)


def test_what_is_frozen_is_in_no_group() -> None:
    found = grouped(OptimizerConfig(), "backbone.", "neck.")
    assert not [name for name in found if name.startswith(("backbone.", "neck."))]


def test_the_table_names_every_group_with_its_rate() -> None:
    config = OptimizerConfig(
        learning_rate=1e-3, weight_decay=0.05, rate_factors=(("backbone", 0.1),)
    )
    groups = parameter_groups(DenseModel(TINY["vit"]), config)
    lines = group_table(groups, config.learning_rate).splitlines()
    assert len(lines) == 1 + len(groups) == 5
    assert [line.split()[:3] for line in lines[1:]] == [
        ["1.00e-03", "1", "0.05"],
        ["1.00e-03", "1", "0"],
        ["1.00e-04", "0.1", "0.05"],
        ["1.00e-04", "0.1", "0"],
    ]
    assert lines[1].endswith("neck, segmentation, depth, flow_encoder, flow_head")
    assert lines[3].endswith(" backbone")


def test_rates_that_cannot_be_meant_are_refused() -> None:
    with pytest.raises(PartError, match=r"rate_factors, of what learns: no parameter .*blocks_16'"):
        grouped(OptimizerConfig(rate_factors=(("backbone.blocks_16", 0.1),)))
    with pytest.raises(PartError, match="no parameter lies in 'neck'"):  # all of it is frozen
        grouped(OptimizerConfig(rate_factors=(("neck", 0.1),)), "neck.")
    with pytest.raises(GroupError, match="neck 0, expected more than 0: what shall not learn"):
        grouped(OptimizerConfig(rate_factors=(("neck", 0.0),)))
    with pytest.raises(GroupError, match="layer_decay is 1.5, expected above 0 and up to 1"):
        grouped(OptimizerConfig(layer_decay=1.5))
    with pytest.raises(GroupError, match="everything is frozen"):
        grouped(OptimizerConfig(), "")


def test_the_average_of_what_is_frozen_stays_to_the_bit() -> None:
    model = nn.Linear(1, 1)
    model.bias.requires_grad_(False)
    average = Average(model, decay=0.5)
    kept = average.state["bias"].clone()
    nn.init.constant_(model.weight, 3.0)
    nn.init.constant_(model.bias, 3.0)  # as nothing in training would do
    average.update(model, step=100)
    assert torch.equal(average.state["bias"], kept)
