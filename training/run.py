"""A model in training: its optimizer and average, and one step of them."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models.dense_model import DenseModel
from models.weights import load_weights, save_weights
from training.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from training.class_count import classes_of
from training.data.batch import Batch
from training.losses.segmentation import balanced_weights
from training.optimizer import Average, make_optimizer
from training.recipe import Recipe
from training.schedule import rate_factor
from training.step import Chance, losses


class Run:
    """Model, optimizer and average, and one step of them."""

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        self.recipe = recipe
        self.device = device
        torch.manual_seed(recipe.data.seed)
        model = DenseModel(recipe.model)
        if recipe.init:
            model = load_weights(Path(recipe.init))
            if replace(model.config, name=recipe.model.name) != recipe.model:
                raise CheckpointError(
                    f"{recipe.init} is a {model.config.name} of another configuration than the "
                    f"recipe's {recipe.model.name}: choose weights of the same model"
                )
        self.model = model.train().to(device)
        # Convolutions read channels last; torch's own stub does not know the argument.
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = make_optimizer(
            self.model,
            learning_rate=recipe.optimizer.learning_rate,
            weight_decay=recipe.optimizer.weight_decay,
        )
        self.average = Average(self.model, decay=recipe.optimizer.average_decay)
        share = recipe.weights.class_share or (1.0,) * max(len(classes_of(recipe)), 1)
        self.class_weights = balanced_weights(torch.tensor(share, device=device))

    def step(self, step: int, batches: list[Batch]) -> dict[str, float]:
        """Forward and backward over every batch of the step, then one update."""
        config = self.recipe.optimizer
        factor = rate_factor(
            step,
            num_steps=self.recipe.num_steps,
            warmup_steps=config.warmup_steps,
            shape=config.schedule,
        )
        for group in self.optimizer.param_groups:
            group["lr"] = config.learning_rate * factor
        values: dict[str, float] = {"learning_rate": config.learning_rate * factor}
        parameters = list(self.model.parameters())
        gathered: list[Tensor | None] = [None] * len(parameters)
        finite = True
        for number, batch in enumerate(batches):
            chance = draw_chance(self.recipe, step, number)
            with self._autocast():
                found = losses(
                    self.model,
                    batch.to(self.device),
                    weights=self.recipe.weights,
                    class_weights=self.class_weights,
                    chance=chance,
                )
            total: Tensor = torch.stack(list(found.values())).sum()
            total.backward()
            for name, value in found.items():
                values[name] = values.get(name, 0.0) + float(value.detach())
            # Each batch is clipped on its own: flow's gradients begin a hundred times larger than
            # segmentation's, and one common factor would silence the latter.
            norm = torch.nn.utils.clip_grad_norm_(parameters, config.clip_norm)
            finite = finite and bool(norm.isfinite())
            values[f"gradient_norm_{number}"] = float(norm)
            gathered = [_add(a, p.grad) for a, p in zip(gathered, parameters, strict=True)]
            self.optimizer.zero_grad(set_to_none=True)
        if finite:
            for parameter, gradient in zip(parameters, gathered, strict=True):
                parameter.grad = gradient
            self.optimizer.step()
            self.average.update(self.model, step)
        self.optimizer.zero_grad(set_to_none=True)
        return values

    def _autocast(self) -> torch.autocast | nullcontext[None]:
        if self.recipe.precision == "f32":
            return nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    def load(self, path: Path) -> int:
        """Go on from a checkpoint; the number of steps that are done."""
        return load_checkpoint(
            path, model=self.model, average=self.average, optimizer=self.optimizer
        )

    def save(self, path: Path, done: int) -> None:
        """All that going on needs, after `done` steps."""
        save_checkpoint(
            path,
            config=self.recipe.model,
            model=self.model,
            average=self.average,
            optimizer=self.optimizer,
            step=done,
        )

    def save_average(self, path: Path, done: int) -> None:
        """The averaged weights alone."""
        notes = {"recipe": self.recipe.name, "step": str(done)}
        save_weights(path, self.recipe.model, self.average.state, **notes)


def draw_chance(recipe: Recipe, step: int, number: int) -> Chance:
    """The random choices of one forward pass, a function of the step alone so that runs resume."""
    rng = np.random.default_rng([recipe.data.seed, 1, step, number])
    return Chance(
        position_scale=float(np.exp(rng.uniform(-np.log(2), np.log(2)))),
        num_lookup_tokens=int(rng.choice(recipe.lookup_tokens)) if recipe.lookup_tokens else None,
        progress=step / recipe.num_steps,
    )


def _add(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    return b if a is None else a if b is None else a + b
