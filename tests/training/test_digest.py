"""Tensors are told apart by names and numbers."""

import hashlib

import numpy as np
import torch

from training.digest import digest_of


def test_names_and_bytes_in_the_order_of_the_names() -> None:
    a, b = np.array([[1.0, 2.0]], np.float32), np.array(3.0, np.float32)
    expected = hashlib.sha256(b"a" + a.tobytes() + b"b" + b.tobytes()).hexdigest()
    state = {"b": torch.from_numpy(b), "a": torch.from_numpy(a)}
    assert digest_of(state) == expected


def test_how_a_tensor_lies_in_memory_does_not_matter() -> None:
    x = torch.arange(24.0).reshape(1, 2, 3, 4).requires_grad_()
    assert digest_of({"x": x.to(memory_format=torch.channels_last)}) == digest_of({"x": x})
    assert digest_of({"x": x.mT}) != digest_of({"x": x})
