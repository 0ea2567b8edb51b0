"""The cores that this process was given, which need not be all that the machine has.

`taskset` and job systems give a process some cores, containers a part of their time.
"""

import os
from typing import Final

from models.runtime.cpu import usable_cores

# Asked for when this file is imported, which a command does before it imports torch: where OpenMP
# binds threads to cores (OMP_PROC_BIND), torch leaves the process a single one of them.
_GIVEN: Final = frozenset(os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ())
NUM_CORES: Final = usable_cores()


def take_all_cores() -> None:
    """In a worker process: it would else sit on the core that its parent is bound to."""
    if _GIVEN:
        os.sched_setaffinity(0, _GIVEN)
