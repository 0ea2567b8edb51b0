"""What is scored: a bundle in an engine, or weights in PyTorch."""

from dataclasses import dataclass
from pathlib import Path

from models.bundle_folder import read_bundle
from models.config import ModelConfig, config_to_dict
from models.image.label_sets import palette_of
from models.image.palette import Palette
from models.runtime.protocol import Runtime
from models.runtime.select import select_runtime


@dataclass(frozen=True, kw_only=True)
class ScoredModel:
    """A model that is ready to answer, and what is known about it."""

    path: Path
    runtime: Runtime
    tasks: tuple[str, ...]
    class_names: tuple[str, ...]
    palette: Palette
    facts: dict[str, str]
    """Lines for a reader: name, licence, steps, parameters, ..., as far as the files say."""

    @property
    def engine(self) -> str:
        """Name, version and the precision of each graph."""
        precisions = ", ".join(f"{graph} in {p}" for graph, p in self.runtime.precisions.items())
        return f"{self.runtime.name} {self.runtime.version}, {precisions}"


def open_model(path: Path, *, engine: str) -> ScoredModel:
    """Load a model.

    Args:
        path: a bundle's folder, or a .safetensors file of weights.
        engine: for a bundle: auto, openvino or onnxruntime.

    Raises:
        ValueError: neither a bundle nor weights of ours.
        EngineError: no engine runs the bundle.
    """
    return _open_bundle(path, engine) if path.is_dir() else _open_weights(path)


def _open_bundle(path: Path, engine: str) -> ScoredModel:
    bundle = read_bundle(path)
    facts = {
        "bundle": f"{bundle.name} {bundle.version}",
        "description": bundle.description,
        "licence": bundle.licence,
        "trained by": f"recipe {bundle.training.recipe}, {bundle.training.steps} steps",
        "trained on": ", ".join(bundle.training.data),
    }
    return ScoredModel(
        path=path,
        runtime=select_runtime(path, bundle, engine=engine).runtime,
        tasks=bundle.tasks,
        class_names=bundle.class_names,
        palette=bundle.palette,
        facts={name: value for name, value in facts.items() if value},
    )


def _open_weights(path: Path) -> ScoredModel:
    import torch

    from models.runtime.eager import EagerRuntime
    from models.weights import load_weights, read_weights

    network = load_weights(path)
    header, state = read_weights(path)
    config: ModelConfig = network.config
    segmentation = config.segmentation
    class_names = segmentation.class_names if segmentation is not None else ()
    facts: dict[str, str] = {
        "weights": path.name,
        "model": f"{config.name} ({config_to_dict(config)['backbone']['family']})",
        "parameters": f"{sum(tensor.numel() for tensor in state.values()) / 1e6:.2f} million",
        **{name: header[name] for name in ("recipe", "step") if name in header},
    }
    return ScoredModel(
        path=path,
        runtime=EagerRuntime(network, device="cuda" if torch.cuda.is_available() else "cpu"),
        tasks=config.tasks,
        class_names=class_names,
        palette=palette_of(class_names),
        facts=facts,
    )
