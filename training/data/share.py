"""Which samples of a step one process makes."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Share:
    """A process's part of every batch of a step. The parts of all processes are the whole."""

    rank: int = 0
    world_size: int = 1

    def of(self, num_samples: int) -> range:
        """Numbers of this process's samples: a run of neighbours, as long as the others' or one
        shorter; empty where there are fewer samples than processes.

        >>> [list(Share(rank=rank, world_size=2).of(5)) for rank in range(2)]
        [[0, 1], [2, 3, 4]]
        """
        start = num_samples * self.rank // self.world_size
        return range(start, num_samples * (self.rank + 1) // self.world_size)
