"""What surfaces look like: a texture of the atlas, its tint and size, its shine.

Axes: m materials.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Colour = tuple[float, float, float]
"""Red, green, blue in [0, 1], as displayed (gamma not removed)."""


@dataclass(frozen=True, kw_only=True)
class Material:
    """Colour = bias + gain * texture, times a second, finer grey texture."""

    layer: int
    """Layer of the scene's atlas."""
    gain: Colour = (1.0, 1.0, 1.0)
    bias: Colour = (0.0, 0.0, 0.0)
    period_m: tuple[float, float] = (1.0, 1.0)
    """Metres per repetition across and up; 0 = fit the face once."""
    offset: tuple[float, float] = (0.0, 0.0)
    """Shift in repetitions."""
    detail_layer: int = 0
    detail_period_m: float = 0.3
    detail: float = 0.0
    """How strongly the finer texture shows, 0 to 1."""
    specular: float = 0.0
    """Mirror-like share of light: 0 cloth, 0.04 paint, 0.5 chrome."""
    gloss: float = 20.0
    """Phong exponent of the highlight."""
    emission: float = 0.0
    """Light of its own, as a multiple of the colour."""


COLUMNS = 17


def material_table(materials: list[Material]) -> NDArray[np.float32]:
    """(COLUMNS, m), fields in order with colours and pairs spread out."""
    rows = [
        (
            m.layer,
            *m.gain,
            *m.bias,
            *m.period_m,
            *m.offset,
            m.detail_layer,
            m.detail_period_m,
            m.detail,
            m.specular,
            m.gloss,
            m.emission,
        )
        for m in materials
    ]
    return np.ascontiguousarray(np.array(rows, dtype=np.float32).reshape(-1, COLUMNS).T)
