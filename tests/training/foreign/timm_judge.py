"""timm, a judge in tests and never a dependency.

It asks for torchvision, of which it takes nothing that these tests run, and which has no build for
every build of torch. Where it cannot be imported, empty modules stand in for it while timm is
imported, and are gone after that.
"""

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn


def create(name: str, **options: Any) -> nn.Module:
    """A model of timm in evaluation mode, with random weights of ordinary size everywhere."""
    if find_spec("timm") is None:
        pytest.skip("timm is not installed: pip install -c constraints.txt --no-deps timm")
    model: nn.Module = _timm().create_model(name, pretrained=False, num_classes=0, **options)
    generator = torch.Generator().manual_seed(0)
    for parameter_name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if "norm" in parameter_name and parameter_name.endswith("weight"):
            parameter.data = 1 + 0.2 * noise
        else:
            parameter.data = noise * (0.3 if parameter.ndim < 2 else 0.06)
    return model.eval()


@torch.no_grad()
def features(model: Any, image: Tensor, rows: int, cols: int) -> Tensor:
    """Patch tokens after the last norm, [b, c, rows, cols]."""
    tokens: Tensor = model.forward_features(image)[:, model.num_prefix_tokens :]
    found: Tensor = tokens.unflatten(1, (rows, cols))
    return found.permute(0, 3, 1, 2)


def _timm() -> ModuleType:
    if "timm" in sys.modules:
        return sys.modules["timm"]
    try:
        import torchvision  # noqa: F401
    except (ImportError, RuntimeError):  # not there, or built for another torch
        stand_in = _Empty()
        _forget_torchvision()
        sys.meta_path.insert(0, stand_in)
        try:
            import timm
        finally:
            sys.meta_path.remove(stand_in)
            _forget_torchvision()
    else:
        import timm
    module: ModuleType = timm
    return module


def _forget_torchvision() -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]


class _Anything(type):
    """A class whose attributes are such classes."""

    def __getattr__(cls, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Anything(name, (), {})


class _EmptyModule(ModuleType):
    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Anything(name, (), {})


class _Empty(MetaPathFinder, Loader):
    """Finds torchvision, with whatever is asked of it and nothing in it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del path, target
        mine = fullname.split(".")[0] == "torchvision"
        return ModuleSpec(fullname, self, is_package=True) if mine else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _EmptyModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        del module
