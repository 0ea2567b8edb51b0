"""First runs at the sizes that an operator expects, so that no request pays for them."""

from collections.abc import Iterable

import numpy as np

from models.image.sizes import padded_size
from models.runtime.job import Job
from models.runtime.predictor import predict_batch
from models.runtime.protocol import Runtime
from models.task import Task


def warm_up(
    runtime: Runtime,
    sizes: Iterable[tuple[int, int]],
    *,
    has_flow: bool,
    stride: int,
    pixel_budget: int,
) -> None:
    """Run every graph at every size (height, width): an image, a pair, and where a batch may hold
    it, a pair whose frames share an array."""

    def shape_of(_: str, num_images: int, size: tuple[int, int]) -> tuple[int, int]:
        return padded_size([size], multiple=stride if num_images > 1 else 1)

    tasks = frozenset(Task) if has_flow else frozenset(Task) - {Task.FLOW}
    for size in sizes:
        image = np.zeros((*size, 3), dtype=np.uint8)
        jobs = [Job(image=image, next_image=image if has_flow else None, tasks=tasks)]
        predict_batch(runtime, jobs, stride=stride, together=False, shape_of=shape_of)
        if has_flow and 2 * size[0] * size[1] <= pixel_budget:
            predict_batch(runtime, jobs, stride=stride, together=True, shape_of=shape_of)
