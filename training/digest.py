"""What tells tensors from others: a short name of all their numbers."""

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor


def digest_of(state: Mapping[str, Tensor]) -> str:
    """SHA-256 of names and bytes, in the order of the names, in hexadecimal."""
    found = hashlib.sha256()
    for name in sorted(state):
        found.update(name.encode())
        plain = state[name].detach().cpu().contiguous()
        found.update(plain.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()
