"""A checkpoint, exported, read back, and asked in every engine."""

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest
from onnxruntime import InferenceSession

from export.__main__ import main
from export.adapter import FrameGraph, folded
from export.bundle import _write, export_single_file
from export.gate import GateError
from export.parity import compare
from export.sizes import QUICK_SIZES
from export.storage import read_model
from export.trace import Traced
from export.verify import verify
from models.bundle import Bundle
from models.bundle_folder import read_bundle
from models.config import SegmentationConfig
from models.runtime.eager import EagerRuntime
from models.runtime.predictor import predict
from models.runtime.select import ENGINES, select_runtime
from models.weights import load_weights, save_weights
from tests.tiny_models import TINY, wild
from training.adapt.bundle_weights import load_bundle_weights

pytestmark = [pytest.mark.compile, pytest.mark.slow]

OTHERS = SegmentationConfig(class_names=("road", "dog"))
MODELS = {**TINY, "vit": replace(TINY["vit"], segmentation=OTHERS)}


# Every kind of layer and head of ours but resformer's, which test_resformer.py traces alone.
@pytest.fixture(scope="module", params=["lookup", "vit"])
def exported(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """A bundle and the checkpoint that it was made from."""
    folder = tmp_path_factory.mktemp(request.param)
    config = MODELS[request.param]
    checkpoint = folder / "weights.safetensors"
    save_weights(checkpoint, config, wild(config).state_dict(), recipe="tiny", step="7")
    out = folder / "bundle"
    assert main(["onnx", str(checkpoint), str(out), "--licence", "Apache-2.0"]) == 0
    return out, checkpoint


def test_every_engine_answers_like_pytorch_at_every_size(exported: tuple[Path, Path]) -> None:
    out, checkpoint = exported
    bundle: Bundle = read_bundle(out)
    assert (bundle.name, bundle.training.steps, bundle.licence) == ("tiny", 7, "Apache-2.0")
    head = load_weights(checkpoint).config.segmentation
    assert head is not None
    assert bundle.class_names == head.class_names
    assert len(set(bundle.palette)) == len(head.class_names)
    reference = EagerRuntime(read_model(out, {n: g.file for n, g in bundle.graphs.items()}))
    engines = [engine for engine in ENGINES if find_spec(engine) is not None]
    assert "onnxruntime" in engines
    for engine in engines:
        runtime = select_runtime(out, bundle, engine=engine, precision="f32", threads=1).runtime
        differences = list(compare(runtime, reference, QUICK_SIZES))
        assert {d.map_name for d in differences} == set(LIMITS_OF_F32)
        assert [d for d in differences if not d.passed] == []

    # float16 storage rounds weights by up to 0.05 %; beyond that it is the checkpoint.
    original = EagerRuntime.from_file(checkpoint)
    image = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
    stored, trained = predict(reference, image), predict(original, image)
    assert stored.depth is not None
    assert trained.depth is not None
    np.testing.assert_allclose(stored.depth, trained.depth, atol=0.02)

    # Training starts from the bundle as from the checkpoint.
    again = predict(EagerRuntime(load_bundle_weights(out)), image)
    assert again.depth is not None
    np.testing.assert_allclose(again.depth, stored.depth, atol=1e-4)

    halves = [t for t in onnx.load(out / "frame.onnx").graph.initializer if t.data_type == 10]
    assert halves
    assert all(name.endswith(".f16") for name in (t.name for t in halves))


def test_verify_finds_faults_of_the_export_beside_the_checkpoint_alone(
    exported: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    out, checkpoint = exported
    other = checkpoint.with_name("other.safetensors")
    config = load_weights(checkpoint).config
    model = wild(config)
    assert model.depth is not None
    model.depth.project.bias.data += 1.0
    save_weights(other, config, model.state_dict())
    failures = verify(out, checkpoint=other, engines=("onnxruntime",), quick=True)
    assert {failure.map_name for failure in failures} >= {"depth"}
    shown = capsys.readouterr().out
    assert "TOO LARGE" in shown
    assert f"the network of {other} as training left it" in shown
    assert "Not checked" not in shown

    # Whatever the export made of a checkpoint, its graphs agree with the weights that lie in them.
    assert verify(out, checkpoint=None, engines=("onnxruntime",), quick=True) == []
    shown = capsys.readouterr().out
    assert "Not checked: that folding blocks and storing weights in float16" in shown
    assert "add --checkpoint FILE" in shown


LIMITS_OF_F32 = (
    "labels",
    "label_confidence",
    "depth",
    "depth_uncertainty",
    "flow",
    "flow_uncertainty",
)


def test_one_file_answers_pairs_like_the_two_graphs(tmp_path: Path) -> None:
    config = replace(TINY["vit"], segmentation=None, depth=None)
    checkpoint, file = tmp_path / "weights.safetensors", tmp_path / "pair.onnx"
    model = wild(config)
    save_weights(checkpoint, config, model.state_dict())
    export_single_file(checkpoint, file)
    rng = np.random.default_rng(0)
    image, following = rng.integers(0, 256, (2, 45, 70, 3), np.uint8)
    expected = predict(EagerRuntime(model), image, following)
    session = InferenceSession(file)
    inputs = {"image": image[None], "next_image": following[None], "size": np.array([[45, 70]])}
    found = dict(
        zip([x.name for x in session.get_outputs()], session.run(None, inputs), strict=True)
    )
    assert set(found) == {"flow", "flow_uncertainty"}
    assert expected.flow is not None
    np.testing.assert_allclose(found["flow"][0], expected.flow, atol=0.05)  # float16 weights


def test_a_graph_that_is_fixed_to_one_size_is_not_written(tmp_path: Path) -> None:
    config = TINY["vit"]
    graph = FrameGraph(folded(wild(config)))
    model = onnx.parser.parse_model(
        """<ir_version: 10, opset_import: ["": 23]>
        graph (uint8[B,48,W,3] image) => (uint8[B,48,W,3] labels) { labels = Identity(image) }"""
    )
    axes: dict[str, tuple[str, ...]] = dict.fromkeys(("image", "labels"), ("B", "H", "W", "3"))
    traced = Traced(model=model, num_inputs=1, axes=axes)
    with pytest.raises(GateError, match="axis H of image became 48"):
        _write(tmp_path / "frame.onnx", traced, graph, config, ("f32",))
    assert not list(tmp_path.iterdir())
