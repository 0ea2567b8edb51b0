"""PyTorch itself, uncompiled: the reference that every engine is compared with. Imports torch."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.dense_model import DenseModel
from models.heads.depth import depth_at_full_size
from models.heads.segmentation import labels_at_full_size
from models.runtime.inputs import InputError, check_frame, check_pair
from models.runtime.protocol import Features, FlowMaps, FrameMaps
from models.weights import load_weights
from models.windows import STRIDE, Placement, whole_images


class EagerRuntime:
    """A model behind the protocol of the engines."""

    name = "eager"
    version = str(torch.__version__)

    def __init__(
        self,
        model: DenseModel,
        *,
        precision: Literal["f32", "bf16"] = "f32",
        device: str = "cpu",
    ) -> None:
        self._model = model.to(device).eval()
        self._device = torch.device(device)
        self._precision = precision
        graphs = ["frame"] if model.flow_head is None else ["frame", "flow"]
        self.precisions: Mapping[str, str] = dict.fromkeys(graphs, precision)

    @classmethod
    def from_file(
        cls, path: Path, *, precision: Literal["f32", "bf16"] = "f32", device: str = "cpu"
    ) -> "EagerRuntime":
        """The model of a .safetensors file.

        Raises:
            WeightsError: the file is not one of ours.
        """
        return cls(load_weights(path), precision=precision, device=device)

    def frame(self, image: NDArray[np.uint8], size: NDArray[np.int64]) -> FrameMaps:
        """See models.runtime.protocol.Runtime."""
        check_frame(image, size)
        h, w = image.shape[1:3]
        with torch.inference_mode(), self._autocast():
            windows = whole_images(self._tensor(image), self._tensor(size))
            encoded, maps = self._model.answer(windows)
        cells = encoded.placement.valid_cells(4)
        labels = confidence = depth = uncertainty = None
        with torch.inference_mode():
            if maps.logits is not None:
                labels, confidence = labels_at_full_size(maps.logits.float(), cells)
            if maps.depth is not None:
                depth, uncertainty = depth_at_full_size(maps.depth, cells)
        levels = encoded.flow_features or {}
        return FrameMaps(
            labels=_array(labels, h, w),
            label_confidence=_array(confidence, h, w, torch.float16),
            depth=_array(depth, h, w),
            depth_uncertainty=_array(uncertainty, h, w, torch.float16),
            features=Features(
                levels={str(stride): x.permute(0, 2, 3, 1) for stride, x in levels.items()}
            ),
        )

    def flow(self, first: Features, second: Features, size: NDArray[np.int64]) -> FlowMaps:
        """See models.runtime.protocol.Runtime."""
        if "flow" not in self.precisions:
            raise InputError(f"the model has {sorted(self.precisions)}, expected flow: use another")
        check_pair(first, second, size, stride=STRIDE)
        real = self._tensor(size)
        placement = Placement(
            origins=torch.zeros_like(real)[:, None], canvas=real, valid=real[:, None]
        )
        with torch.inference_mode(), self._autocast():
            estimate = self._model.flow(_by_stride(first), _by_stride(second), placement)[-1]
        return FlowMaps(
            flow=estimate.flow.permute(0, 2, 3, 1).float().contiguous().cpu().numpy(),
            flow_uncertainty=estimate.expected_error().half().cpu().numpy(),
        )

    def _autocast(self) -> AbstractContextManager[object]:
        return torch.autocast(
            self._device.type, dtype=torch.bfloat16, enabled=self._precision == "bf16"
        )

    def _tensor(self, array: NDArray[np.generic]) -> Tensor:
        return torch.tensor(array, device=self._device)


def _by_stride(features: Features) -> dict[int, Tensor]:
    return {int(name): x.permute(0, 3, 1, 2) for name, x in features.levels.items()}


def _array(
    x: Tensor | None, h: int, w: int, dtype: torch.dtype | None = None
) -> NDArray[Any] | None:
    """The top-left h x w of each map as an array of its own."""
    if x is None:
        return None
    if dtype is None and x.dtype == torch.bfloat16:  # numpy has no such type
        dtype = torch.float32
    array: NDArray[Any] = x[:, :h, :w].to(dtype or x.dtype).contiguous().cpu().numpy()
    return array
