"""How much memory a model takes before it sees its first image, as far as that can be told."""

from pathlib import Path

from models.bundle import Bundle

BYTES_PER_GRAPH_BYTE = {"openvino": 18, "onnxruntime": 5}
"""Growth of the resident size while the shipped model loads, per byte of its graphs. Weights lie
there as float16 and are unpacked; OpenVINO keeps them in the order that its kernels read, too."""


def predict_model_bytes(folder: Path, bundle: Bundle, engine: str) -> int:
    """Of a model that would be loaded into `engine`; an unknown one is taken for the hungriest."""
    graphs = sum((folder / graph.file).stat().st_size for graph in bundle.graphs.values())
    return graphs * BYTES_PER_GRAPH_BYTE.get(engine, max(BYTES_PER_GRAPH_BYTE.values()))
