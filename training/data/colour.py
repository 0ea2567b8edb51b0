"""What a camera's settings do to the colours of an image, drawn at random."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

# Luma and two axes of colour (YIQ, NTSC 1953): hue turns and saturation stretches the two.
YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])


@dataclass(frozen=True, kw_only=True)
class Colour:
    """One setting; the defaults change nothing."""

    gamma: float = 1.0
    """Exponent of the value in [0, 1]; below 1 shadows brighten."""
    brightness: float = 1.0
    """Factor, after gamma."""
    contrast: float = 1.0
    """Factor about middle grey, after brightness."""
    saturation: float = 1.0
    """Factor; 0 is grey."""
    hue_deg: float = 0.0
    """Turn of the colour circle."""

    def apply(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(h, w, 3) RGB recoloured; clipped to 0-255."""
        tone = np.linspace(0, 1, 256) ** self.gamma * self.brightness
        tone = (tone - 0.5) * self.contrast + 0.5
        table = np.rint(np.clip(tone, 0, 1) * 255).astype(np.uint8)
        toned = np.asarray(cv2.LUT(image, table), dtype=np.uint8)
        if self.saturation == 1 and self.hue_deg == 0:
            return toned
        return np.asarray(cv2.transform(toned, self._matrix()), dtype=np.uint8)

    def _matrix(self) -> NDArray[np.float64]:
        angle = np.deg2rad(self.hue_deg)
        c, s = self.saturation * np.cos(angle), self.saturation * np.sin(angle)
        turn = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
        return np.asarray(np.linalg.inv(YIQ) @ turn @ YIQ)


@dataclass(frozen=True, kw_only=True)
class ColourJitter:
    """How far settings may go. Factors are drawn log-uniformly from [1 / (1 + x), 1 + x]."""

    gamma: float = 0.2
    brightness: float = 0.3
    contrast: float = 0.3
    saturation: float = 0.4
    hue_deg: float = 12.0
    """Uniform in plus and minus this."""
    grey_share: float = 0.05
    """Share of images that lose their colour, as KITTI's have none."""

    def draw(self, rng: np.random.Generator) -> Colour:
        """One setting."""

        def factor(extent: float) -> float:
            return float((1 + extent) ** rng.uniform(-1, 1))

        colour = Colour(
            gamma=factor(self.gamma),
            brightness=factor(self.brightness),
            contrast=factor(self.contrast),
            saturation=factor(self.saturation),
            hue_deg=float(rng.uniform(-self.hue_deg, self.hue_deg)),
        )
        grey = rng.random() < self.grey_share
        return Colour(
            gamma=colour.gamma,
            brightness=colour.brightness,
            contrast=colour.contrast,
            saturation=0.0 if grey else colour.saturation,
            hue_deg=colour.hue_deg,
        )
