"""The orientation in an EXIF block."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from server.codecs.exif import exif_orientation


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("order", ["<", ">"])
def test_the_orientation_is_found_behind_other_tags(turn: int, order: str) -> None:
    magic = b"II*\0" if order == "<" else b"MM\0*"
    other = struct.pack(order + "HHII", 0x010F, 2, 4, 0)
    ours = struct.pack(order + "HHIHH", 0x0112, 3, 1, turn, 0)
    block = magic + struct.pack(order + "IH", 8, 2) + other + ours + bytes(4)
    assert exif_orientation(block) == turn
    assert exif_orientation(b"Exif\0\0" + block) == turn


def test_pillows_block_is_read() -> None:
    exif = Image.Exif()
    exif[0x0110] = "camera"
    exif[0x0112] = 6
    assert exif_orientation(exif.tobytes()) == 6


@given(st.binary(max_size=60), st.sampled_from([b"", b"II*\0", b"MM\0*\0\0\0\x08", b"Exif\0\0"]))
def test_any_other_bytes_are_upright_or_a_turn(tail: bytes, head: bytes) -> None:
    assert exif_orientation(head + tail) in range(1, 9)


def test_a_turn_out_of_range_is_upright() -> None:
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, 9, 0)
    assert exif_orientation(b"II*\0" + struct.pack("<IH", 8, 1) + entry) == 1
