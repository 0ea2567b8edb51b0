"""What a flat layer looks like: a square picture that repeats, mirrored, for ever.

Axes: s side of the picture, ... any shape of points.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

SIDE: Final = 320  # px of the picture
PHOTOGRAPH_SHARE: Final = 0.5
OCTAVES: Final = 6

Photographs = Sequence[NDArray[np.uint8]]


@dataclass(frozen=True, kw_only=True)
class Texture:
    """A picture and how it lies on the canvas."""

    picture: Float[Tensor, "1 3 s s"]
    """RGB in [0, 255]."""
    to_picture: Float[Tensor, "2 3"]
    """Affine map from canvas px (x, y) to picture px."""

    def at(self, points: Float[Tensor, "h w 2"]) -> Float[Tensor, "h w 3"]:
        """Bilinear colours at points (x, y) of the canvas, pixel centres at + 0.5."""
        inside = points @ self.to_picture[:, :2].T + self.to_picture[:, 2]
        grid = (inside * 2 / self.picture.shape[-1] - 1)[None]
        colours = F.grid_sample(
            self.picture, grid, mode="bilinear", padding_mode="reflection", align_corners=False
        )
        return colours[0].permute(1, 2, 0)


def make_texture(
    rng: np.random.Generator, photographs: Photographs, *, device: torch.device
) -> Texture:
    """A piece of a photograph, or clouds, stripes or patches of two colours."""
    if len(photographs) and rng.random() < PHOTOGRAPH_SHARE:
        picture = _piece(rng, photographs[int(rng.integers(len(photographs)))])
    else:
        picture = _procedural(rng)
    if rng.random() < 0.1:  # nearly plain: what most of a wall or a sky is
        picture = picture * np.float32(0.1) + picture.mean((0, 1)) * np.float32(0.9)
    zoom = float(np.exp(rng.uniform(-0.7, 0.5)))
    turn = float(rng.normal(0, 0.2))
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) * zoom
    offset = rng.uniform(0, SIDE, 2)
    to_picture = np.concatenate([matrix, offset[:, None]], axis=1).astype(np.float32)
    channels = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None]
    return Texture(picture=channels.to(device), to_picture=torch.from_numpy(to_picture).to(device))


def _piece(rng: np.random.Generator, photograph: NDArray[np.uint8]) -> NDArray[np.float32]:
    height, width = photograph.shape[:2]
    side = int(min(height, width) * rng.uniform(0.4, 1.0))
    y, x = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
    piece = photograph[y : y + side, x : x + side]
    if rng.random() < 0.2:
        piece = piece[::-1]
    if rng.random() < 0.3:
        piece = piece[..., rng.permutation(3)]
    resized = cv2.resize(np.ascontiguousarray(piece), (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    return np.asarray(resized, dtype=np.float32)


def _procedural(rng: np.random.Generator) -> NDArray[np.float32]:
    clouds = _clouds(rng)
    kind = int(rng.integers(3))
    if kind == 1:  # stripes, bent by the clouds
        y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
        angle, period_px = rng.uniform(0, np.pi), rng.uniform(6, 60)
        phase = (x * np.cos(angle) + y * np.sin(angle)) * (2 * np.pi / period_px)
        wave = np.sin(phase + clouds * rng.uniform(0, 1))
        clouds = np.tanh(wave * rng.uniform(1, 4)) + 0.3 * clouds
    elif kind == 2:  # patches with sharp borders
        clouds = np.round(clouds * rng.uniform(1, 3)) + 0.15 * clouds
    mix = 1 / (1 + np.exp(-1.3 * clouds[..., None]))
    dark, bright = rng.uniform(0, 255, 3), rng.uniform(0, 255, 3)
    return np.asarray(dark + (bright - dark) * mix, dtype=np.float32)


def _clouds(rng: np.random.Generator) -> NDArray[np.float32]:
    """Sums of smooth noise of doubling frequency, mean 0 and variance 1."""
    total = np.zeros((SIDE, SIDE), np.float32)
    cells, strength, persistence = rng.uniform(2, 12), 1.0, rng.uniform(0.5, 0.95)
    stretch = float(np.exp(rng.uniform(-1, 1))) if rng.random() < 0.4 else 1.0
    for _ in range(OCTAVES):
        shape = [int(np.clip(n, 2, SIDE)) for n in (cells * stretch, cells)]
        noise = rng.standard_normal(shape, dtype=np.float32)
        total += strength * cv2.resize(noise, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        strength, cells = strength * persistence, cells * 2
    return np.asarray((total - total.mean()) / (total.std() + 1e-5), dtype=np.float32)
