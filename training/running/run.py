"""A model in training: its optimizer and average, and one step of them."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from training.adapt.start import prepare
from training.class_count import class_share_of
from training.data.batch import Batch
from training.losses.segmentation import balanced_weights
from training.multi_resolution import MultiResolutionObjective
from training.recipe import Recipe
from training.running.blocks import compile_blocks, recompute, shard, whole
from training.running.checkpoint import Checkpoint, collect, restore, write_checkpoint
from training.running.distributed import Processes
from training.running.optimizer import (
    Average,
    group_table,
    make_optimizer,
    parameter_groups,
    set_rate,
)
from training.running.passes import make_plans, split
from training.running.trained_weights import save_trained
from training.schedule import rate_factor
from training.step import Chance, Known, Objective

MAX_IDLE_STEPS = 20
"""In a row that change nothing, before the run ends."""


class LearnsNothingError(ValueError):
    """Steps whose losses depend on frozen parameters alone, or whose gradients are not finite."""


class Run:
    """Model, optimizer and average, and one step of them, in each of the run's processes."""

    def __init__(
        self, recipe: Recipe, device: torch.device, processes: Processes | None = None
    ) -> None:
        self.recipe = recipe
        self.device = device
        self.processes = processes or Processes()
        self.sharded = recipe.parallel == "fsdp" and self.processes.world_size > 1
        start = prepare(recipe)
        groups = parameter_groups(start.model, recipe.optimizer)
        self.lines = (*start.lines, group_table(groups, recipe.optimizer.learning_rate))
        self.model = start.model.train().to(device)
        self.processes.copy_from_first(list(self.model.parameters()))
        self.objective = self._prepared()
        self.optimizer = make_optimizer(self.model, recipe.optimizer)
        self.average = Average(self.model, decay=recipe.optimizer.average_decay)
        self._num_idle = 0
        share = torch.tensor(class_share_of(recipe), dtype=torch.float32, device=device)
        # Of no class at all the median is undefined, and no loss asks for weights.
        self.class_weights = balanced_weights(share) if len(share) else share

    def _prepared(self) -> Objective:
        """What a step calls: the model's losses, compiled, recomputed and sharded as asked for."""
        if not self.sharded:  # FSDP2 takes no other memory format than the usual one
            # Convolutions read channels last; torch's own stub does not know the argument.
            self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if self.recipe.compile:
            compile_blocks(self.model)
        if self.recipe.recompute:
            recompute(self.model)
        objective = Objective(self.model)
        if self.recipe.multi_resolution is not None:
            objective = MultiResolutionObjective(self.model, self.recipe.multi_resolution)
        if self.sharded:
            shard(objective, self.processes, self.device)
        return objective

    def step(self, step: int, batches: list[Batch]) -> dict[str, float]:
        """Forward and backward over every batch of the step, then one update.

        Args:
            step: its number.
            batches: this process's share of each.
        """
        rate = self._set_rate(step)
        plans = make_plans(
            batches,
            self.processes,
            accumulate=self.recipe.accumulate,
            tokens_per_pass=self.recipe.tokens_per_pass,
            times=several.cost if (several := self.recipe.multi_resolution) else 1.0,
        )
        parameters = [p for p in self.model.parameters() if p.requires_grad]
        gathered: list[Tensor | None] = [None] * len(parameters)
        sums: dict[str, Tensor] = {}
        norms: list[Tensor] = []
        for number, (batch, plan) in enumerate(zip(batches, plans, strict=True)):
            chance = draw_chance(self.recipe, step, number)
            for part in split(batch, plan.num_passes):
                self._backward(part, chance, plan.known, sums)
            norms.append(self._clip(parameters))
            gathered = [_add(a, p.grad) for a, p in zip(gathered, parameters, strict=True)]
            self.optimizer.zero_grad(set_to_none=True)
        taught = any(gradient is not None for gradient in gathered)
        finite = bool(torch.stack(norms).isfinite().all())
        if taught and finite:
            for parameter, gradient in zip(parameters, gathered, strict=True):
                parameter.grad = gradient
            self.optimizer.step()
            self.average.update(self.model, step)
        self._count_idle(step, sums, taught=taught, finite=finite)
        self.optimizer.zero_grad(set_to_none=True)
        return {"learning_rate": rate, **self._values(sums, norms)}

    def _count_idle(
        self, step: int, sums: dict[str, Tensor], *, taught: bool, finite: bool
    ) -> None:
        """One step may teach nothing by chance, or overflow; a row of them is no training."""
        self._num_idle = 0 if taught and finite else self._num_idle + 1
        if self._num_idle < MAX_IDLE_STEPS:
            return
        if not taught:
            raise LearnsNothingError(
                f"steps {step + 1 - MAX_IDLE_STEPS} to {step} see {', '.join(sums) or 'no task'} "
                f"alone, and no parameter that learns has a part in it: free another part, or give "
                f"data that teaches one"
            )
        values = ", ".join(f"{name} {float(value):.3g}" for name, value in sums.items())
        raise LearnsNothingError(
            f"steps {step + 1 - MAX_IDLE_STEPS} to {step} have no finite gradient (the last losses "
            f"are {values}): lower the learning rate or the weight of the loss, or check the data "
            f"with `python -m training data`"
        )

    def _set_rate(self, step: int) -> float:
        config = self.recipe.optimizer
        factor = rate_factor(
            step,
            num_steps=self.recipe.num_steps,
            warmup_steps=config.warmup_steps,
            shape=config.schedule,
        )
        set_rate(self.optimizer, config.learning_rate * factor)
        return config.learning_rate * factor

    def _backward(self, part: Batch, chance: Chance, known: Known, sums: dict[str, Tensor]) -> None:
        """Add a pass's gradients to the parameters' and its losses to the sums."""
        with self._autocast():
            found = self.objective(
                part.to(self.device),
                weights=self.recipe.weights,
                class_weights=self.class_weights,
                chance=chance,
                known=known,
            )
        for name, value in found.items():
            sums[name] = sums.get(name, 0.0) + value.detach()
        taught = [value for value in found.values() if value.requires_grad]
        if not taught:  # all that the batch could teach is frozen
            return
        total: Tensor = torch.stack(taught).sum()
        if self.sharded:  # FSDP2 takes the mean over processes, ours is a sum
            total = total * self.processes.world_size
        total.backward()

    def _clip(self, parameters: list[nn.Parameter]) -> Float[Tensor, ""]:
        """The batch's gradient over all processes, shortened in place; its length before.

        Each batch is clipped on its own: flow's gradients begin a hundred times larger than
        segmentation's, and one common factor would silence the latter.
        """
        if all(p.grad is None for p in parameters):
            return torch.zeros((), device=self.device)
        if not self.sharded:
            self.processes.add([p.grad for p in parameters if p.grad is not None])
        norm = torch.nn.utils.clip_grad_norm_(parameters, self.recipe.optimizer.clip_norm)
        return whole(norm)

    def _values(self, sums: dict[str, Tensor], norms: list[Tensor]) -> dict[str, float]:
        """Losses over all processes, and gradient norms, which are the same in all."""
        losses_ = torch.stack(list(sums.values()))
        self.processes.add([losses_])
        values = dict(zip(sums, losses_.tolist(), strict=True))
        for number, norm in enumerate(torch.stack(norms).tolist()):
            values[f"gradient_norm_{number}"] = norm
        return values

    def _autocast(self) -> torch.autocast | nullcontext[None]:
        if self.recipe.precision == "f32":
            return nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    def restore(self, checkpoint: Checkpoint | None) -> int:
        """Go on from a checkpoint that the first process has read; the number of steps done.

        Args:
            checkpoint: None in the other processes, and where there is none.
        """
        found = self._told(checkpoint)
        if found is None:
            return 0
        restore(found, model=self.model, average=self.average, optimizer=self.optimizer)
        return found.step

    def _told(self, checkpoint: Checkpoint | None) -> Checkpoint | None:
        """The first process's checkpoint, in all of them: the others may not see its disk."""
        description = None
        if checkpoint is not None:
            layout = {name: (x.shape, x.dtype) for name, x in checkpoint.state.items()}
            description = (checkpoint.step, layout)
        told = self.processes.told_by_first(description)
        if told is None:
            return None
        step, layout = told
        if checkpoint is None:
            state = {
                name: torch.empty(shape, dtype=dtype) for name, (shape, dtype) in layout.items()
            }
            checkpoint = Checkpoint(step=step, state=state)
        self.processes.copy_from_first([checkpoint.state[name] for name in layout])
        return checkpoint

    def saving(self, folder: Path, done: int) -> Callable[[], None]:
        """Copy all that going on needs, after `done` steps; the returned call writes the files."""
        state = collect(
            model=self.model,
            average=self.average,
            optimizer=self.optimizer,
            keep=self.processes.is_first,
        )
        checkpoint = Checkpoint(step=done, state=state)

        learned = [name for name, p in self.model.named_parameters() if p.requires_grad]

        def write() -> None:
            average = {
                name.removeprefix("average."): tensor
                for name, tensor in state.items()
                if name.startswith("average.")
            }
            # The checkpoint last: it says that the step is done, and nobody would do it again.
            save_trained(folder, self.recipe, average, learned=learned, done=done)
            write_checkpoint(folder, self.recipe.model, checkpoint)

        return write


def draw_chance(recipe: Recipe, step: int, number: int) -> Chance:
    """The random choices of one batch, a function of the step alone so that runs resume."""
    rng = np.random.default_rng([recipe.data.seed, 1, step, number])
    return Chance(
        position_scale=float(np.exp(rng.uniform(-np.log(2), np.log(2)))),
        num_lookup_tokens=int(rng.choice(recipe.lookup_tokens)) if recipe.lookup_tokens else None,
        progress=step / recipe.num_steps,
        seed=int(rng.integers(2**31)),
    )


def _add(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    return b if a is None else a if b is None else a + b
