"""Weights read back from a bundle are a model that trains on and answers the same."""

from pathlib import Path

import numpy as np
import pytest
import torch

from export.adapter import folded
from export.storage import read_model
from models.bundle_folder import read_bundle
from models.dense_model import DenseModel
from models.runtime.eager import EagerRuntime
from models.runtime.predictor import predict
from tests.tiny_models import TINY, wild
from tests.toy_bundle import write_toy_bundle
from training.adapt.bundle_weights import (
    BundleWeightsError,
    bundle_config,
    load_bundle_weights,
    unmerged,
)

STREET = Path(__file__).parents[3] / "models" / "bundles" / "street"


def assert_answers_alike(
    model: DenseModel, expected: DenseModel, side: int = 48, flow_px: float = 2e-5
) -> None:
    image = np.random.default_rng(0).integers(0, 256, (side, side + 32, 3), np.uint8)
    found, wanted = (
        predict(EagerRuntime(m), image, np.roll(image, 2, axis=1)) for m in (model, expected)
    )
    assert wanted.flow is not None
    assert np.abs(wanted.flow).max() > 0.1
    for name in ("label_confidence", "depth", "depth_uncertainty", "flow"):
        values = getattr(found, name).astype(np.float32), getattr(wanted, name).astype(np.float32)
        atol = 1e-3 if "_" in name else flow_px if name == "flow" else 2e-5
        np.testing.assert_allclose(*values, atol=atol, rtol=1e-4)


@pytest.mark.parametrize("family", sorted(TINY))
def test_what_export_merges_is_taken_apart_again(family: str) -> None:
    model = wild(TINY[family])
    stored = dict(folded(model).named_parameters())
    assert "neck.smooth.4.gain" not in stored  # it is merged
    found = unmerged(TINY[family], stored, origin="test")
    assert found.config == TINY[family]
    assert torch.equal(found.neck.get_parameter("smooth.4.gain"), torch.full((16,), 0.1))
    assert_answers_alike(found, model)


def test_the_shipped_bundle_becomes_a_model() -> None:
    bundle = read_bundle(STREET)
    found = load_bundle_weights(STREET)
    assert found.config.segmentation is not None
    assert found.config.segmentation.class_names == bundle.class_names
    assert bundle_config(STREET) == found.config
    reference = read_model(STREET, {name: g.file for name, g in bundle.graphs.items()})
    # Products behind the graph's norms ignore the mean because their weights add up to zero; what
    # rounding to float16 leaves of the sum, norms of the model take away again.
    assert_answers_alike(found, reference, flow_px=2e-3)


def test_a_missing_or_misshapen_weight_is_named() -> None:
    stored = dict(folded(wild(TINY["lookup"])).named_parameters())
    less = {n: p for n, p in stored.items() if "blocks_16.0.norm_self" not in n}
    with pytest.raises(BundleWeightsError, match=r"2 parameters are missing, e\.g\. .*norm_self"):
        unmerged(TINY["lookup"], less, origin="test")
    stored["backbone.registers"] = torch.nn.Parameter(torch.zeros(2, 32))
    with pytest.raises(BundleWeightsError, match=r"registers is \(2, 32\), expected \(4, 32\)"):
        unmerged(TINY["lookup"], stored, origin="test")


def test_a_bundle_of_another_program_is_refused(tmp_path: Path) -> None:
    write_toy_bundle(tmp_path)
    with pytest.raises(BundleWeightsError, match="no property 'anyres_config'"):
        load_bundle_weights(tmp_path)
