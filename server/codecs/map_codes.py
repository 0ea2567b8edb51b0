"""Maps as integers for PNG files, with the words that say how to read them back.

value = scale * code + offset, in the given unit, except where the code says "no value".
Axes: h w pixels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.image.palette import colour_table
from server.codecs.dense_map import DenseMap, known_pixels
from server.codecs.pieces import Pieces
from server.codecs.png import png_pieces

KITTI_FLOW_SCALE_PX = 1 / 64  # KITTI 2012 and 2015 development kit: u = (code - 2^15) / 64
KITTI_FLOW_OFFSET_PX = -512.0
LONGEST_PX = 511.98  # on each axis: what the code reaches
_BLOCK_PX = 2**15  # coded at a time: the steps between stay in the cache, three times as fast


@dataclass(frozen=True, kw_only=True)
class CodedMap:
    """Integers, and what they mean."""

    codes: NDArray[np.uint8] | NDArray[np.uint16]
    meta: Mapping[str, object]
    """Fit for JSON."""
    palette: NDArray[np.uint8] | None = None

    def png(self, shared_meta: Mapping[str, object]) -> Pieces:
        """The map as a PNG file that carries both."""
        return png_pieces(self.codes, palette=self.palette, meta={**shared_meta, **self.meta})


def code_map(dense: DenseMap) -> CodedMap:
    """Labels as they are, in their colours; flow as KITTI writes it; all else in 16 bits."""
    if dense.name == "labels":
        return _code_labels(dense)
    return _code_flow(dense) if dense.name == "flow" else _code_range(dense)


def _code_labels(dense: DenseMap) -> CodedMap:
    palette: Any = dense.words["palette"]
    return CodedMap(
        codes=dense.values,
        meta=_words(dense, dense.values, scale=1.0, offset=0.0),
        palette=colour_table(tuple(tuple(colour) for colour in palette)),
    )


def _code_range(dense: DenseMap) -> CodedMap:
    """1 is this map's least value, 65535 its greatest, 0 is unknown."""
    values, found = dense.values, dense.range
    low, high = (found.least or 0.0), (found.greatest or 0.0)
    scale = (high - low) / 65534
    codes = np.ones(values.shape, dtype=np.uint16)  # stays so where all values are equal
    known = known_pixels(values) if found.num_unknown else None
    if high > low:
        # Beyond, the difference or its inverse leaves float32; else float64 is twice as slow.
        dtype = np.float32 if 1e-30 < high - low < 1e38 else np.float64
        factor, start = dtype(65534 / (high - low)), dtype(low)
        for rows in _blocks(values):
            block: NDArray[Any] = values[rows].astype(dtype)
            if known is not None:
                block[~known[rows]] = start
            np.subtract(block, start, out=block)
            np.multiply(block, factor, out=block)
            np.add(block, dtype(1.5), out=block)  # 1, and a half: the cast cuts off
            codes[rows] = block
    if known is not None:
        codes[~known] = 0
    meta = _words(dense, codes, scale=scale, offset=low - scale)
    return CodedMap(codes=codes, meta=meta | {"invalid": 0})


def _code_flow(dense: DenseMap) -> CodedMap:
    """Red u, green v, blue 1 where there is a value.

    Vectors beyond +-512 px do not fit the format: they count as unknown.
    """
    flow, found = dense.values, dense.range
    codes = np.empty((*flow.shape[:2], 3), dtype=np.uint16)
    codes[..., 2] = 1
    reaches = max(abs(found.least or 0.0), abs(found.greatest or 0.0)) <= LONGEST_PX
    known = None
    if found.num_unknown or not reaches:
        known = (np.abs(flow) <= np.float32(LONGEST_PX)).all(axis=2)  # false for NaN
        codes[..., 2] = known
    for rows in _blocks(flow):
        block = flow[rows] if known is None else np.where(known[rows, :, None], flow[rows], 0)
        levels = block * np.float32(64)
        levels += np.float32(32768.5)  # the cast cuts off
        codes[rows, :, :2] = levels
    meta = _words(dense, codes, scale=KITTI_FLOW_SCALE_PX, offset=KITTI_FLOW_OFFSET_PX)
    meta |= {"channels": ["u", "v", "known"], "invalid": "known is 0"}
    if known is not None:
        codes[~known] = 0
        meta["unknown_pixels"] = known.size - int(np.count_nonzero(known))
    return CodedMap(codes=codes, meta=meta)


def _words(
    dense: DenseMap, codes: NDArray[Any], *, scale: float, offset: float
) -> dict[str, object]:
    return {
        **dense.words,
        "dtype": codes.dtype.name,
        "shape": list(codes.shape),
        "scale": scale,
        "offset": offset,
        **dense.range.words,
    }


def _blocks(values: NDArray[Any]) -> list[slice]:
    """Slices of rows."""
    height, width = values.shape[:2]
    step = max(1, _BLOCK_PX // width)
    return [slice(top, top + step) for top in range(0, height, step)]
