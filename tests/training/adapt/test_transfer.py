"""What fits is taken over to the bit, class by class in the segmentation head."""

from dataclasses import replace

import pytest
import torch

from models.config import ModelConfig, SegmentationConfig, VitConfig
from models.dense_model import DenseModel
from tests.tiny_models import TINY, wild
from training.adapt.transfer import Transfer, TransferError, transfer

OLD = replace(TINY["vit"], segmentation=SegmentationConfig(class_names=("sky", "road", "car")))


def changed(new: ModelConfig) -> tuple[Transfer, DenseModel, DenseModel]:
    """What was taken over, the new model, the old one."""
    source = wild(OLD)
    torch.manual_seed(1)
    model = DenseModel(new)
    return transfer(model, source, origin="old.safetensors"), model, source


def same(model: DenseModel, source: DenseModel, part: str) -> bool:
    mine, theirs = (m.get_submodule(part).state_dict() for m in (model, source))
    return all(torch.equal(mine[name], theirs[name]) for name in theirs)


def test_the_same_model_is_taken_over_whole() -> None:
    found, model, source = changed(replace(OLD, name="another name"))
    assert (found.fresh, found.left_out, found.fresh_classes) == ((), (), ())
    for name, value in source.state_dict().items():
        assert torch.equal(model.state_dict()[name], value), name


def test_classes_that_keep_their_names_keep_their_weights_wherever_they_stand() -> None:
    head = SegmentationConfig(class_names=("dog", "car", "sky"))
    found, model, source = changed(replace(OLD, segmentation=head))
    assert model.segmentation is not None
    assert source.segmentation is not None
    new, old = model.segmentation.project, source.segmentation.project
    assert torch.equal(new.weight[1], old.weight[2])  # car
    assert torch.equal(new.weight[2], old.weight[0])  # sky
    assert new.bias[1:].tolist() == [old.bias[2], old.bias[0]]
    torch.manual_seed(1)
    fresh = DenseModel(model.config).segmentation
    assert fresh is not None
    assert torch.equal(new.weight[0], fresh.project.weight[0])  # dog
    assert same(model, source, "segmentation.norm")
    for part in ("backbone", "neck", "depth", "flow_encoder", "flow_head"):
        assert same(model, source, part), part
    assert found == Transfer(
        loaded=("backbone", "neck", "depth", "flow_encoder", "flow_head"),
        fresh=("segmentation",),
        left_out=(),
        kept_classes=("car", "sky"),
        fresh_classes=("dog",),
        left_out_classes=("road",),
    )
    assert found.lines() == [
        "taken over:       backbone, neck, depth, flow_encoder, flow_head",
        "made new:         segmentation",
        "classes kept:     car, sky",
        "classes new:      dog",
        "classes left out: road",
    ]


def test_heads_that_the_new_model_has_not_or_has_otherwise_are_left_out() -> None:
    assert OLD.flow is not None
    other_flow = replace(OLD.flow, hidden_channels=32)
    found, model, source = changed(replace(OLD, depth=None, flow=other_flow))
    assert found.loaded == ("backbone", "neck", "segmentation")
    assert found.fresh == ("flow_encoder", "flow_head")
    assert found.left_out == ("depth", "flow_encoder", "flow_head")
    assert same(model, source, "segmentation")


def test_an_encoder_serves_a_pyramid_of_another_width() -> None:
    found, model, source = changed(replace(OLD, neck_channels=24))
    assert found.loaded == ("backbone",)
    assert found.fresh == ("neck", "segmentation", "depth", "flow_encoder", "flow_head")
    assert found.kept_classes == ()
    assert same(model, source, "backbone")


def test_another_encoder_is_refused() -> None:
    wider = replace(OLD, name="wide", backbone=VitConfig(embed_dim=32, num_blocks=3, num_heads=2))
    with pytest.raises(TransferError, match="is a tiny-vit whose encoder .* choose weights of the"):
        changed(wider)
