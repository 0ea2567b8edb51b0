"""TensorBoard: curves of every step, and pictures of what the averaged weights answer.

The pictures are of the same few images every time. They are drawn from the weights that lie in the
run's folder, by a model of their own: nothing that the run computes with is touched.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset
from torch.utils.tensorboard import SummaryWriter

from models.image.label_sets import palette_of
from models.image.overlay import side_by_side
from models.runtime.eager import EagerRuntime
from models.runtime.predictor import Prediction, predict
from models.task import Task
from models.weights import load_weights, read_weights
from training.data.batch import Batch
from training.data.sample import Sample
from training.metrics.depth import fit
from training.running.randomness import unchanged_randomness
from training.watching.board_samples import choose_samples
from training.watching.pictures import (
    depth_span,
    draw_depth,
    draw_flow,
    draw_labels,
    flow_length_px,
)

GAP_PX = 4


class Board:
    """Curves and pictures of one run; closed by `close`."""

    def __init__(
        self,
        folder: Path,
        *,
        start: int,
        device: torch.device,
        data: Dataset[list[Batch]] | None = None,
    ) -> None:
        self._writer = SummaryWriter(folder, purge_step=start)
        self._device = device
        self._data = data
        self._samples: list[Sample] | None = None
        self._drawn: int | None = None

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """One point of every curve."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    @property
    def has_pictures(self) -> bool:
        """Whether some were drawn."""
        return self._drawn is not None

    def pictures(self, weights: Path) -> None:
        """What the weights in a file answer, under the last step that they saw.

        A file that was drawn before, or is not there yet, is left out.
        """
        if not weights.is_file():
            return
        header, _ = read_weights(weights)
        done = int(header.get("step", "1"))
        if done == self._drawn:
            return
        with unchanged_randomness():  # building a model draws its first weights
            if self._samples is None:
                self._samples = choose_samples(self._data)
            model = load_weights(weights)
            segmentation = model.config.segmentation
            class_names = segmentation.class_names if segmentation is not None else ()
            runtime = EagerRuntime(model, device=str(self._device))
            for sample in self._samples:
                has_flow = Task.FLOW in model.config.tasks
                answer = predict(runtime, sample.image, sample.next_image if has_flow else None)
                for task, sheet in draw_sheets(sample, answer, class_names).items():
                    self._writer.add_image(
                        f"{task}/{sample.name}", sheet, done - 1, dataformats="HWC"
                    )
        self._writer.flush()
        self._drawn = done

    def close(self) -> None:
        """Until everything is on the disk."""
        self._writer.close()


def draw_sheets(
    sample: Sample, answer: Prediction, class_names: tuple[str, ...]
) -> dict[str, NDArray[np.uint8]]:
    """For each task that is answered: image, truth if it is known, answer, from left to right."""
    sheets: dict[str, NDArray[np.uint8]] = {}
    if answer.labels is not None:
        palette = palette_of(class_names)
        rows = [draw_labels(sample.image, answer.labels, palette)]
        if sample.labels is not None:
            rows.insert(0, draw_labels(sample.image, sample.labels, palette))
        sheets[Task.SEGMENTATION.value] = _sheet(sample, rows)
    if answer.depth is not None:
        sheets[Task.DEPTH.value] = _sheet(sample, _depth(sample.inverse_depth, answer.depth))
    if answer.flow is not None:
        truth = sample.flow
        full_px = flow_length_px(answer.flow if truth is None else truth)
        rows = [draw_flow(answer.flow, full_px)]
        if truth is not None:
            rows.insert(0, draw_flow(truth, full_px))
        sheets[Task.FLOW.value] = _sheet(sample, rows)
    return sheets


def _sheet(sample: Sample, rows: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    return side_by_side([sample.image, *rows], gap_px=GAP_PX)


def _depth(
    truth: NDArray[np.float32] | None, answer: NDArray[np.float32]
) -> list[NDArray[np.uint8]]:
    """Truth and answer in the same colours: the answer's scale and shift mean nothing."""
    known = None if truth is None else np.isfinite(truth)
    if truth is None or known is None or not known.any():
        return [draw_depth(answer, depth_span(answer))]
    line = fit(answer[known].astype(np.float64), truth[known].astype(np.float64), "scale_shift")
    span = depth_span(truth)
    aligned = (answer * line.scale + line.shift).astype(np.float32)
    return [draw_depth(truth, span), draw_depth(aligned, span)]
