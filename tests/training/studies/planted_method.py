"""A method that trains in milliseconds, in a module that a process of its own can import."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

from models.weights import load_weights
from tests.tiny_models import TINY
from training.data.batch import Batch, collate
from training.data.sample import Cut
from training.recipe import DataConfig, OptimizerConfig, Recipe
from training.studies.method import Method


class Planted(Dataset[list[Batch]]):
    """Bright is class 1."""

    def __getitem__(self, step: int) -> list[Batch]:
        return [collate([planted(step)])]


def planted(seed: int) -> Cut:
    rng = np.random.default_rng(seed)
    level = np.kron(rng.integers(0, 2, (2, 2)), np.ones((16, 16), int))
    image = (level[..., None] * 150 + rng.integers(0, 60, (32, 32, 3))).astype(np.uint8)
    return Cut(
        name="planted",
        canvas=(32, 32),
        origins=np.zeros((1, 2), np.int64),
        image=image[None],
        labels=level[None].astype(np.uint8),
    )


@dataclass(frozen=True)
class Accuracy:
    """Share of right pixels; says whether it was asked for the last time."""

    def __call__(self, weights: Path, *, final: bool) -> dict[str, float]:
        model = load_weights(weights)
        right = []
        for seed in range(10**6, 10**6 + 4):
            batch = collate([planted(seed)])
            with torch.no_grad():
                logits = model.maps(model.encode(batch.windows())).logits
            assert logits is not None
            truth = batch.labels[0, :, 2::4, 2::4]
            right.append(float((logits.argmax(1) == truth).float().mean()))
        return {"accuracy": sum(right) / len(right), "final": float(final)}


@dataclass(frozen=True)
class Fails:
    """A score that cannot be taken."""

    def __call__(self, weights: Path, *, final: bool) -> dict[str, float]:
        raise ValueError(f"no score for {weights.name} {final}")


RECIPE = Recipe(
    name="planted",
    summary="for tests",
    model=TINY["lookup"],
    num_steps=1,
    data=DataConfig(),
    optimizer=OptimizerConfig(learning_rate=3e-3),
    precision="f32",
    device="cpu",
    threads=1,
    lookup_tokens=(),
)
METHOD = Method(name="planted", recipe=RECIPE, data=Planted(), score=Accuracy())
