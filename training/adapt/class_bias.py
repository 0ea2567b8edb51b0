"""A bias for each class, fitted after training, so that mean IoU is as high as it gets.

Training weighs rare classes up, so that they are learned at all. It then answers them too often:
the winner of weighted cross-entropy is not the winner of IoU. Adjusting the logits by a constant
per class once training is over repairs that (arXiv 2007.07314, section 4, where the constant
follows from the shares of classes; here it is searched for). It goes into the bias of the last
layer: nothing is computed that was not before.

Axes: n cells, k classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from numpy.typing import NDArray
from torch import Tensor

from models.dense_model import DenseModel
from models.task import IGNORE_INDEX
from models.weights import load_weights, read_weights, save_weights
from models.windows import whole_images
from training.data.real import open_labelled

STRIDE = 4
MAX_IMAGES = 400
MAX_CELLS = 4_000_000
STEPS = (0.5, 0.25, 0.125, 0.0625)
"""By which a bias is moved, both ways, for as long as it helps."""


class ClassBiasError(ValueError):
    """Weights that have no classes to be balanced."""


@dataclass(frozen=True, kw_only=True)
class Balance:
    """What a bias does to the images that it was fitted on."""

    bias: Float[Tensor, " k"]
    before: float
    """Mean IoU at stride 4."""
    after: float


def balance_file(weights: Path, specs: Sequence[str], out: Path) -> tuple[tuple[str, ...], Balance]:
    """Fit the bias on labelled images and write the weights with it; the names of the classes.

    Args:
        weights: of a model with a segmentation head.
        specs: data sets, of the images that the model learned from: never those it is tested on.
        out: receives the weights.

    Raises:
        WeightsError: the file is not one of ours.
        ClassBiasError: it has no segmentation head.
        RealDataError, FileFormatError: a data set has other classes, is missing or broken.
    """
    model = load_weights(weights)
    head = model.config.segmentation
    if head is None:
        raise ClassBiasError(
            f"{weights} has {', '.join(model.config.tasks)}, expected segmentation: there is no "
            f"class to balance"
        )
    balance = fit_bias(*cells_of(model, specs))
    header, state = read_weights(weights)
    notes = {name: text for name, text in header.items() if name != "config"}
    name = "segmentation.project.bias"
    state[name] = (state[name] + balance.bias).to(state[name].dtype)
    save_weights(out, model.config, state, **{**notes, "balanced_on": ",".join(specs)})
    return head.class_names, balance


@torch.inference_mode()
def cells_of(
    model: DenseModel, specs: Sequence[str]
) -> tuple[Float[Tensor, "n k"], Int[Tensor, " n"]]:
    """Logits and true classes of the stride-4 cells of evenly chosen images."""
    assert model.config.segmentation is not None
    data = open_labelled(specs, model.config.segmentation.class_names)
    chosen = np.unique(np.linspace(0, len(data) - 1, min(len(data), MAX_IMAGES)).round())
    logits: list[Tensor] = []
    truth: list[Tensor] = []
    for index in chosen.astype(int):
        sample = data[int(index)]
        assert sample.labels is not None  # a data set with class names has labels
        found, labels = _cells(model, sample.image, sample.labels)
        stride = max(1, len(chosen) * len(labels) // MAX_CELLS)
        logits.append(found[::stride])
        truth.append(labels[::stride])
    return torch.cat(logits), torch.cat(truth)


def _cells(
    model: DenseModel, image: UInt8[NDArray[np.uint8], "h w 3"], labels: NDArray[np.uint8]
) -> tuple[Float[Tensor, "n k"], Int[Tensor, " n"]]:
    size = torch.tensor([image.shape[:2]])
    # bfloat16 as in training; the answer of a cell hardly depends on it.
    with torch.autocast("cpu", torch.bfloat16):
        encoded = model.encode(whole_images(torch.tensor(image)[None], size))
        logits = model.maps(encoded).logits
    assert logits is not None
    centres = torch.from_numpy(
        labels[STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE].astype(np.int64)
    )
    found = logits[0, :, : centres.shape[0], : centres.shape[1]].float().flatten(1).T
    known = centres.flatten() != IGNORE_INDEX
    return found[known], centres.flatten()[known]


def fit_bias(logits: Float[Tensor, "n k"], truth: Int[Tensor, " n"]) -> Balance:
    """Move one class at a time, as long as mean IoU grows."""
    bias = torch.zeros(logits.shape[1])
    before = best = _miou(logits, truth)
    for step in STEPS:
        improved = True
        while improved:
            improved = False
            for k in range(len(bias)):
                for change in (step, -step):
                    other = bias.clone()
                    other[k] += change
                    found = _miou(logits + other, truth)
                    if found > best + 1e-5:
                        best, bias, improved = found, other, True
    # Answers depend on differences alone.
    return Balance(bias=bias - bias.mean(), before=before, after=best)


def _miou(logits: Float[Tensor, "n k"], truth: Int[Tensor, " n"]) -> float:
    """Mean IoU over the classes that occur."""
    num_classes = logits.shape[1]
    cells = torch.bincount(truth * num_classes + logits.argmax(1), minlength=num_classes**2)
    counts = cells.reshape(num_classes, num_classes).double()
    correct, union = counts.diag(), counts.sum(0) + counts.sum(1) - counts.diag()
    return (correct / union.clamp(min=1))[union > 0].mean().item()
