"""Which other files an ONNX graph reads its weights from. No torch, and no ONNX either.

Source of the format: onnx.proto, TensorProto.external_data, a list of StringStringEntryProto; and
Protocol Buffers' encoding: a string is its field's tag, its length and its bytes.
"""

import mmap
import re
from pathlib import Path

# {key: "location", value: ...}: tag 1, 8 bytes, "location", tag 2, and the length of the value.
# Eleven bytes that weights do not hold by chance.
_LOCATION = re.compile(rb"\x0a\x08location\x12([\x00-\x7f]|[\x80-\xff]+[\x00-\x7f])")


def external_files(graph: Path) -> frozenset[str]:
    """Names as the graph has them, relative to its own folder."""
    if graph.stat().st_size == 0:
        return frozenset()
    with graph.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return frozenset(
            data[found.end() : found.end() + _length(found[1])].decode("utf-8", "backslashreplace")
            for found in _LOCATION.finditer(data)
        )


def _length(varint: bytes) -> int:
    return sum((byte & 0x7F) << (7 * place) for place, byte in enumerate(varint))
