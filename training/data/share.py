"""Which samples of a step one process makes."""

from dataclasses import dataclass

from torch.utils.data import Dataset

from training.data.batch import Batch


@dataclass(frozen=True, kw_only=True)
class Share:
    """A part of every batch of a step. The parts of all ranks are the whole."""

    rank: int = 0
    world_size: int = 1

    def of(self, num_samples: int) -> range:
        """Numbers of the part's samples: a run of neighbours, as long as the others' or one
        shorter; empty where there are fewer samples than parts.

        >>> [list(Share(rank=rank, world_size=2).of(5)) for rank in range(2)]
        [[0, 1], [2, 3, 4]]
        """
        start = num_samples * self.rank // self.world_size
        return range(start, num_samples * (self.rank + 1) // self.world_size)

    def cut(self, batch: Batch) -> Batch:
        """The part of a batch; one blank sample where it is empty, so that the same layers run."""
        own = self.of(batch.image.shape[0])
        if not own:
            return batch.rows(slice(0, 1)).blank()
        return batch.rows(slice(own.start, own.stop))


@dataclass(frozen=True)
class OwnSamples(Dataset[list[Batch]]):
    """A process's share of data that know nothing of processes: made whole, then cut."""

    data: Dataset[list[Batch]]
    share: Share

    def __getitem__(self, step: int) -> list[Batch]:
        return [self.share.cut(batch) for batch in self.data[step]]
