"""A small vision transformer written out, and its weights under the names of each project.

The forward pass is made of the papers' formulas, token by token where that says more: it shares no
code with the product and is the judge where no other is installed.
"""

import cmath
import math
from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

C = 32
HEADS = 2
D = C // HEADS
BLOCKS = 2
HIDDEN = 48
State = dict[str, Tensor]
Rotary = Literal["dinov3", "croco"]


def weights(
    *, registers: int = 0, class_token: bool = True, table: int = 0, patch: int = 16, scale: bool
) -> State:
    """Random weights of ordinary size; `table` is the side of the grid of positions."""
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator) * 0.2

    state = {"patch.w": draw(C, 3, patch, patch) * 0.2, "patch.b": draw(C)}
    if class_token:
        state["cls"] = draw(1, 1, C)
    if registers:
        state["reg"] = draw(1, registers, C)
    if table:
        state["pos"] = draw(1, table * table + class_token, C)
    state |= {"norm.w": 1 + draw(C), "norm.b": draw(C)}
    for i in range(BLOCKS):
        state |= {
            f"{i}.norm1.w": 1 + draw(C),
            f"{i}.norm1.b": draw(C),
            f"{i}.qkv.w": draw(3 * C, C),
            f"{i}.qkv.b": draw(3 * C),
            f"{i}.out.w": draw(C, C),
            f"{i}.out.b": draw(C),
            f"{i}.norm2.w": 1 + draw(C),
            f"{i}.norm2.b": draw(C),
            f"{i}.fc1.w": draw(HIDDEN, C),
            f"{i}.fc1.b": draw(HIDDEN),
            f"{i}.fc2.w": draw(C, HIDDEN),
            f"{i}.fc2.b": draw(C),
        }
        if scale:
            state |= {f"{i}.ls1": draw(C), f"{i}.ls2": draw(C)}
    return state


def forward(s: State, image: Tensor, *, eps: float, rotary: Rotary | None = None) -> Tensor:
    """Patch tokens [rows, cols, c] of an image [3, h, w] of the table's grid."""
    patch = s["patch.w"].shape[-1]
    tokens = F.conv2d(image[None], s["patch.w"], s["patch.b"], stride=patch)[0]
    _, rows, cols = tokens.shape
    before = [s[name][0] for name in ("cls",) if name in s]
    x = torch.cat([*before, tokens.flatten(1).T])
    if "pos" in s:
        x = x + s["pos"][0]
    if "reg" in s:
        x = torch.cat([x[: len(before)], s["reg"][0], x[len(before) :]])
    prefix = len(x) - rows * cols
    turn = _turner(rotary, rows, cols, prefix)
    for i in range(BLOCKS):
        y = F.layer_norm(x, (C,), s[f"{i}.norm1.w"], s[f"{i}.norm1.b"], eps)
        q, k, v = (y @ s[f"{i}.qkv.w"].T + s[f"{i}.qkv.b"]).split(C, dim=-1)
        read = torch.cat(
            [_head(q[:, h], k[:, h], v[:, h], turn) for h in _slices()],
            dim=-1,
        )
        read = read @ s[f"{i}.out.w"].T + s[f"{i}.out.b"]
        x = x + read * s.get(f"{i}.ls1", torch.ones(C))
        y = F.layer_norm(x, (C,), s[f"{i}.norm2.w"], s[f"{i}.norm2.b"], eps)
        y = F.gelu(y @ s[f"{i}.fc1.w"].T + s[f"{i}.fc1.b"]) @ s[f"{i}.fc2.w"].T + s[f"{i}.fc2.b"]
        x = x + y * s.get(f"{i}.ls2", torch.ones(C))
    x = F.layer_norm(x, (C,), s["norm.w"], s["norm.b"], eps)
    return x[prefix:].reshape(rows, cols, C)


def _slices() -> list[slice]:
    return [slice(h * D, (h + 1) * D) for h in range(HEADS)]


def _head(q: Tensor, k: Tensor, v: Tensor, turn: Callable[[Tensor], Tensor]) -> Tensor:
    weight = torch.softmax(turn(q) @ turn(k).T / math.sqrt(D), dim=-1)
    return weight @ v


def _turner(rotary: Rotary | None, rows: int, cols: int, prefix: int) -> Callable[[Tensor], Tensor]:
    """Multiply pairs of channels, as complex numbers, by e^(i angle) at each patch."""
    if rotary is None:
        return lambda x: x
    factors, firsts, seconds = [], [], []
    for axis in range(2):  # y, then x
        for k in range(D // 4):
            if rotary == "dinov3":  # pairs (j, j + d/2), y before x; turns over [-1, 1]
                j = axis * (D // 4) + k
                firsts.append(j)
                seconds.append(j + D // 2)
            else:  # pairs (j, j + d/4) inside the half of the axis; radians per patch
                j = axis * (D // 2) + k
                firsts.append(j)
                seconds.append(j + D // 4)
            angles = []
            for place in range(rows * cols):
                cell, count = ((place // cols, rows), (place % cols, cols))[axis]
                if rotary == "dinov3":
                    period = 100.0 ** (k / (D // 4))
                    angles.append(2 * math.pi * (2 * (cell + 0.5) / count - 1) / period)
                else:
                    angles.append(cell * 100.0 ** (-2 * k / (D // 2)))
            factors.append([cmath.rect(1, angle) for angle in angles])
    by = torch.tensor(factors, dtype=torch.complex64).T

    def turn(x: Tensor) -> Tensor:
        turned = torch.complex(x[prefix:, firsts], x[prefix:, seconds]) * by
        out = x.clone()
        out[prefix:, firsts] = turned.real
        out[prefix:, seconds] = turned.imag
        return out

    return turn


NAMES = {
    "patch.w": "patch_embed.proj.weight",
    "patch.b": "patch_embed.proj.bias",
    "cls": "cls_token",
    "pos": "pos_embed",
    "norm.w": "norm.weight",
    "norm.b": "norm.bias",
}
INNER = {
    "norm1.w": "norm1.weight",
    "norm1.b": "norm1.bias",
    "qkv.w": "attn.qkv.weight",
    "qkv.b": "attn.qkv.bias",
    "out.w": "attn.proj.weight",
    "out.b": "attn.proj.bias",
    "ls1": "ls1.gamma",
    "norm2.w": "norm2.weight",
    "norm2.b": "norm2.bias",
    "fc1.w": "mlp.fc1.weight",
    "fc1.b": "mlp.fc1.bias",
    "fc2.w": "mlp.fc2.weight",
    "fc2.b": "mlp.fc2.bias",
    "ls2": "ls2.gamma",
}


def named(
    s: State, outside: dict[str, str], *, block: str = "blocks.{}.", inside: dict[str, str] = INNER
) -> State:
    """The weights under a project's names; `block` is what a block's names begin with."""
    names = NAMES | outside
    found = {}
    for name, tensor in s.items():
        if name[0].isdigit():
            index, _, inner = name.partition(".")
            found[block.format(index) + inside[inner]] = tensor
        else:
            found[names[name]] = tensor
    return found
