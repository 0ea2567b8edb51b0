"""How many forward and backward passes a batch takes: what fits in memory at once.

A step's gradient is the same however many passes it takes: losses are sums over samples, divided by
what is known of the whole batch (training/losses).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from training.data.batch import Batch
from training.data.share import Share
from training.data.token_budget import num_passes, tokens_of
from training.running.distributed import Processes
from training.step import Known, count_known


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a batch is gone through; the same in every process."""

    known: Known
    """Of the samples of all processes."""
    num_passes: int


def make_plans(
    batches: list[Batch],
    processes: Processes,
    *,
    accumulate: int,
    tokens_per_pass: int | None,
    times: float = 1.0,
) -> list[Plan]:
    """For each batch of a step, of which this process has its share.

    Args:
        batches: of this process.
        processes: of the run.
        accumulate: at least so many passes, as far as there are samples.
        tokens_per_pass: most tokens of one.
        times: how many times its own tokens a sample has in a pass, in copies of other sizes.

    Raises:
        BudgetError: a single sample has more tokens than a pass may have.
    """
    own = []
    for batch in batches:
        known = count_known(batch)
        size = batch.image.shape[0]
        own.append((known.labels, known.depth, known.flow, known.samples, size))
    width = 5
    told = processes.gather([x for row in own for x in row])
    plans = []
    for number, batch in enumerate(batches):
        rows = [x[width * number : width * (number + 1)] for x in told]
        labels, depth, flow, known_samples, samples = zip(*rows, strict=True)
        passes = num_passes(
            max(samples),
            math.ceil(tokens_per_sample(batch) * times),
            accumulate=accumulate,
            tokens_per_pass=tokens_per_pass,
        )
        known = Known(
            labels=sum(labels), depth=sum(depth), flow=sum(flow), samples=sum(known_samples)
        )
        plans.append(Plan(known=known, num_passes=passes))
    return plans


def tokens_per_sample(batch: Batch) -> int:
    """Of one sample of the batch."""
    frames = [x for x in (batch.image, batch.next_image) if x is not None]
    sizes = [(x.shape[2], x.shape[3]) for x in frames]
    return tokens_of(*sizes, num_windows=batch.image.shape[1])


def split(batch: Batch, passes: int) -> Iterator[Batch]:
    """The batch in so many parts; a part is blank where there are fewer samples."""
    for number in range(passes):
        yield Share(rank=number, world_size=passes).cut(batch)
