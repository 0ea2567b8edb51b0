"""What a model will take, from the size of its graphs."""

from pathlib import Path

from models.bundle_folder import read_bundle
from server.loading.model_memory import predict_model_bytes


def test_an_unknown_engine_is_taken_for_the_hungriest(folder: Path) -> None:
    bundle = read_bundle(folder)
    graphs = sum((folder / name).stat().st_size for name in ("frame.onnx", "flow.onnx"))
    assert predict_model_bytes(folder, bundle, "onnxruntime") == 5 * graphs
    assert predict_model_bytes(folder, bundle, "openvino") == 18 * graphs
    assert predict_model_bytes(folder, bundle, "another") == 18 * graphs
