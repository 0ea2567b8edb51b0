"""Fill the pools of rendered pairs ahead of training, with every core."""

import os
import signal
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import torch

from training.data.rendered import RenderedPairs
from training.recipe import DataConfig, Recipe
from training.running.cores import NUM_CORES, take_all_cores


def fill_pools(recipe: Recipe, *, report: Callable[[str], None], workers: int | None = None) -> int:
    """Render every pair that the recipe's steps draw from and that is not there yet.

    A second call goes on where the first stopped.

    Args:
        recipe: whose data to render.
        report: called with a line of progress every now and then.
        workers: processes, by default one per core.

    Returns:
        The number of pairs in these pools.
    """
    pools = RenderedPairs(config=recipe.data).used()
    if not pools:
        report("no step of this recipe sees anything rendered: nothing to do")
        return 0
    # Round robin: a training run that starts meanwhile finds some of every kind.
    longest = max(len(pool) for pool in pools.values())
    work = [
        (recipe.data, name, index)
        for index in range(longest)
        for name, pool in pools.items()
        if index < len(pool)
    ]
    with ProcessPoolExecutor(workers or NUM_CORES, initializer=_be_modest) as executor:
        for done, _ in enumerate(executor.map(_render, work, chunksize=4), start=1):
            if done % 100 == 0 or done == len(work):
                report(f"{done} of {len(work)} pairs")
    return len(work)


def _be_modest() -> None:
    # Ctrl-C ends a worker without a word, its parent says it; half an item is no file.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    torch.set_num_threads(1)
    take_all_cores()
    os.nice(5)


_open: dict[DataConfig, RenderedPairs] = {}  # per worker process: photographs are read once


def _render(item: tuple[DataConfig, str, int]) -> None:
    config, name, index = item
    pairs = _open.setdefault(config, RenderedPairs(config=config))
    pairs.pools()[name].fill(index)
