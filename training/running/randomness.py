"""Work on the side that must not change what a run draws next."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def unchanged_randomness() -> Iterator[None]:
    """Python's, NumPy's and PyTorch's random state are afterwards what they were before."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - others may use it
    # By default every device's: with several, PyTorch warns.
    devices = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices):
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002
