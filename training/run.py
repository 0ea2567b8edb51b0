"""A model in training: its optimizer and average, and one step of them."""

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models.weights import save_weights
from training.adapter_file import save_adapter
from training.checkpoint import load_checkpoint, save_checkpoint
from training.class_share import class_share
from training.data.batch import Batch
from training.lora import lora_factor, merged
from training.losses.segmentation import balanced_weights
from training.optimizer import (
    Average,
    group_table,
    make_optimizer,
    parameter_groups,
    set_rate,
)
from training.recipe import Recipe
from training.schedule import rate_factor
from training.start import prepare
from training.step import Chance, losses


class LearnsNothingError(ValueError):
    """A step whose losses depend on frozen parameters alone."""


class Run:
    """Model, optimizer and average, and one step of them."""

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        self.recipe = recipe
        self.device = device
        start = prepare(recipe)
        groups = parameter_groups(start.model, recipe.optimizer)
        self.lines = (*start.lines, group_table(groups, recipe.optimizer.learning_rate))
        self.model = start.model.train().to(device)
        # Convolutions read channels last; torch's own stub does not know the argument.
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = make_optimizer(self.model, recipe.optimizer)
        self.average = Average(self.model, decay=recipe.optimizer.average_decay)
        share = torch.tensor(class_share(recipe), device=device)
        self.class_weights = balanced_weights(share)

    def step(self, step: int, batches: list[Batch]) -> dict[str, float]:
        """Forward and backward over every batch of the step, then one update."""
        config = self.recipe.optimizer
        factor = rate_factor(
            step,
            num_steps=self.recipe.num_steps,
            warmup_steps=config.warmup_steps,
            shape=config.schedule,
        )
        set_rate(self.optimizer, config.learning_rate * factor)
        values: dict[str, float] = {"learning_rate": config.learning_rate * factor}
        parameters = [p for p in self.model.parameters() if p.requires_grad]
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
            for name, value in found.items():
                values[name] = values.get(name, 0.0) + float(value.detach())
            taught = [value for value in found.values() if value.requires_grad]
            if not taught:  # all that this batch could teach is frozen
                continue
            total: Tensor = torch.stack(taught).sum()
            total.backward()
            # Each batch is clipped on its own: flow's gradients begin a hundred times larger than
            # segmentation's, and one common factor would silence the latter.
            norm = torch.nn.utils.clip_grad_norm_(parameters, config.clip_norm)
            finite = finite and bool(norm.isfinite())
            values[f"gradient_norm_{number}"] = float(norm)
            gathered = [_add(a, p.grad) for a, p in zip(gathered, parameters, strict=True)]
            self.optimizer.zero_grad(set_to_none=True)
        if all(gradient is None for gradient in gathered):
            seen = ", ".join(sorted(values.keys() - {"learning_rate"})) or "no task"
            raise LearnsNothingError(
                f"step {step} sees {seen} alone, and no parameter that learns has a part in it: "
                f"free another part, or give data that teaches one"
            )
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
        """The averaged weights alone, adapters merged; the adapters alone beside them."""
        notes = {"recipe": self.recipe.name, "step": str(done)}
        state, config = self.average.state, self.recipe.model
        if self.recipe.lora.rank:
            factor = lora_factor(self.recipe.lora)
            learned = [name for name, p in self.model.named_parameters() if p.requires_grad]
            beside = path.with_name("adapter.safetensors")
            save_adapter(beside, config, state, learned=learned, factor=factor, **notes)
            state = merged(state, factor)
        save_weights(path, config, state, **notes)


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
