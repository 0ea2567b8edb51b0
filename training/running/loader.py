"""The batches of each step, prepared ahead by processes beside the run."""

import os
import pickle
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch.utils.data import DataLoader, Dataset, get_worker_info

from training.data.batch import Batch
from training.running.cores import take_all_cores
from training.running.stop_signals import leave_to_parent

PREFETCHED = 4
"""Steps that each process is ahead."""


@dataclass(frozen=True)
class Failure:
    """What went wrong with the data of a step, on its way to the run."""

    error: Exception


@dataclass(frozen=True)
class Told(Dataset[list[Batch] | Failure]):
    """Data whose errors that a user can mend come as values.

    A DataLoader would hand an error on with its message in the middle of a worker's traceback.
    """

    data: Dataset[list[Batch]]

    def __getitem__(self, step: int) -> list[Batch] | Failure:
        try:
            return self.data[step]
        except (ValueError, OSError) as error:
            if get_worker_info() is not None:
                if not _travels(error):
                    raise
                error.add_note(f"In a process that prepares data:\n{traceback.format_exc()}")
            return Failure(error)


def load(
    data: Dataset[list[Batch]],
    steps: Iterable[int],
    *,
    num_workers: int,
    device: torch.device,
) -> Iterator[list[Batch]]:
    """The batches of each step; the workers begin at once.

    What the data raise, the run raises when it comes to that step.

    Args:
        data: from the number of a step to its batches.
        steps: in the order of the run, perhaps without an end.
        num_workers: processes; 0 prepares each step when it is asked for.
        device: of the run: batches for a GPU are put where it can fetch them.
    """
    loader: DataLoader[list[Batch] | Failure] = DataLoader(
        Told(data),
        batch_size=None,
        sampler=steps,
        num_workers=num_workers,
        prefetch_factor=PREFETCHED if num_workers else None,
        worker_init_fn=_be_modest,
        pin_memory=device.type == "cuda",
    )
    found = iter(loader)
    return (_opened(batches) for batches in found)


def _opened(found: list[Batch] | Failure) -> list[Batch]:
    if isinstance(found, Failure):
        raise found.error
    return found


def _travels(error: Exception) -> bool:
    """Whether another process would receive it: one that it cannot rebuild would be lost."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # whatever its class does then
        return False
    return True


def _be_modest(worker: int) -> None:
    del worker
    leave_to_parent()
    torch.set_num_threads(1)
    take_all_cores()
    os.nice(5)  # the step comes first on a machine with few cores
