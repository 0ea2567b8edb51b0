"""Cuts of equal shape as tensors. Truth that a cut lacks is marked as unknown.

Axes: b samples, n windows, h w pixels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from models.task import IGNORE_INDEX
from models.windows import Placement, Windows
from training.data.sample import Cut


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What one forward and backward pass sees."""

    image: UInt8[Tensor, "b n h w 3"]
    origins: Int[Tensor, "b n 2"]
    canvas: Int[Tensor, "b 2"]
    next_image: UInt8[Tensor, "b n h2 w2 3"] | None
    next_origins: Int[Tensor, "b n 2"] | None
    labels: UInt8[Tensor, "b n h w"]
    """255 where unknown."""
    inverse_depth: Float[Tensor, "b n h w"]
    """1/m, NaN where unknown."""
    flow: Float[Tensor, "b n h w 2"] | None
    """px, NaN where unknown; None for single images."""
    rendered: bool = False
    """Made by a renderer: its labels teach geometry, not how real things look."""

    def to(self, device: torch.device) -> "Batch":
        """The same on another device."""
        return self._each(lambda x: x.to(device, non_blocking=True))

    def pin_memory(self) -> "Batch":
        """The same where a GPU can fetch it by itself; DataLoader calls this."""
        return self._each(Tensor.pin_memory)

    def rows(self, rows: slice) -> "Batch":
        """Some of the samples."""
        return self._each(lambda x: x[rows])

    def blank(self) -> "Batch":
        """The same pictures with nothing known about them: its losses and gradients are zero."""
        return replace(
            self,
            labels=torch.full_like(self.labels, IGNORE_INDEX),
            inverse_depth=torch.full_like(self.inverse_depth, torch.nan),
            flow=None if self.flow is None else torch.full_like(self.flow, torch.nan),
        )

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        changed: dict[str, Any] = {}
        for name in (field.name for field in fields(self)):
            value: Tensor | bool | None = getattr(self, name)
            changed[name] = change(value) if isinstance(value, Tensor) else value
        return Batch(**changed)

    def windows(self) -> Windows:
        """Frame 1 as the network takes it: no padding, so nothing to mask."""
        return _windows(self.image, self.origins, self.canvas)

    def next_windows(self) -> Windows:
        """Frame 2; a batch of single images has none."""
        assert self.next_image is not None
        assert self.next_origins is not None
        return _windows(self.next_image, self.next_origins, self.canvas)


def _windows(
    image: UInt8[Tensor, "b n h w 3"], origins: Int[Tensor, "b n 2"], canvas: Int[Tensor, "b 2"]
) -> Windows:
    placement = Placement(origins=origins, canvas=canvas, valid=None)
    return Windows(pixels=image.permute(0, 1, 4, 2, 3).float(), placement=placement)


def collate(cuts: Sequence[Cut], *, rendered: bool = False) -> Batch:
    """Stack cuts of the same number and size of windows; all of them pairs, or none."""
    pairs = all(cut.next_image is not None for cut in cuts)
    shape = cuts[0].image.shape[:3]

    def labels(cut: Cut) -> np.ndarray:
        return np.full(shape, IGNORE_INDEX, np.uint8) if cut.labels is None else cut.labels

    def depth(cut: Cut) -> np.ndarray:
        unknown = np.full(shape, np.nan, np.float32)
        return unknown if cut.inverse_depth is None else cut.inverse_depth.astype(np.float32)

    def flow(cut: Cut) -> np.ndarray:
        unknown = np.full((*shape, 2), np.nan, np.float32)
        return unknown if cut.flow is None else cut.flow.astype(np.float32)

    return Batch(
        image=_stack([cut.image for cut in cuts]),
        origins=_stack([cut.origins for cut in cuts]),
        canvas=torch.tensor([cut.canvas for cut in cuts]),
        next_image=_stack([cut.next_image for cut in cuts]) if pairs else None,  # type: ignore[misc]
        next_origins=_stack([cut.next_origins for cut in cuts]) if pairs else None,  # type: ignore[misc]
        labels=_stack([labels(cut) for cut in cuts]),
        inverse_depth=_stack([depth(cut) for cut in cuts]),
        flow=_stack([flow(cut) for cut in cuts]) if pairs else None,
        rendered=rendered,
    )


def _stack(arrays: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(arrays))
