import struct
import zlib
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from training.data.file_formats import (
    FileFormatError,
    read_depth_png,
    read_flags,
    read_flo,
    read_image,
    read_indices,
    read_kitti_disparity,
    read_kitti_flow,
    read_npy,
    read_pfm,
    read_png16,
    read_spring,
    read_text,
    write_flo,
    write_kitti_flow,
    write_pfm,
)

NAN = float("nan")


def write_png16(path: Path, bgr: NDArray[np.uint16]) -> Path:
    assert cv2.imwrite(str(path), bgr)
    return path


def test_kitti_flow_keeps_the_low_byte(tmp_path: Path) -> None:
    # As the development kit writes it: R = 64 u + 2^15, G = 64 v + 2^15, B = 1 where known.
    rgb = np.array([[[32768 + 65, 32768 - 129, 1], [0, 0, 0], [32768, 65535, 1]]], dtype=np.uint16)
    path = write_png16(tmp_path / "flow.png", rgb[..., ::-1].copy())
    flow = read_kitti_flow(path)
    assert flow.dtype == np.float32
    assert flow[0, 0].tolist() == [65 / 64, -129 / 64]
    assert np.isnan(flow[0, 1]).all()
    assert flow[0, 2].tolist() == [0, 32767 / 64]


def test_every_kitti_flow_value_survives_the_round_trip(tmp_path: Path) -> None:
    steps = np.arange(-(2**15), 2**15, dtype=np.float32).reshape(256, 256)
    flow = (np.stack([steps, steps[::-1, ::-1]], axis=-1) / 64).astype(np.float32)
    flow[3, 4, 0] = NAN
    write_kitti_flow(tmp_path / "flow.png", flow)
    flow[3, 4] = NAN
    np.testing.assert_array_equal(read_kitti_flow(tmp_path / "flow.png"), flow)


def test_kitti_flow_refuses_vectors_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"600\.0 px.*\.flo"):
        write_kitti_flow(tmp_path / "flow.png", np.full((1, 1, 2), 600, dtype=np.float32))


def test_an_8_bit_flow_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "flow.png"
    Image.new("RGB", (4, 3)).save(path)
    with pytest.raises(FileFormatError, match=r"flow\.png: 3 channel\(s\) of uint8, expected"):
        read_kitti_flow(path)


def test_disparity_and_depth_have_their_units_and_no_zeros(tmp_path: Path) -> None:
    path = write_png16(tmp_path / "a.png", np.array([[0, 257, 65535]], dtype=np.uint16))
    disparity_px = read_kitti_disparity(path)
    assert np.isnan(disparity_px[0, 0])
    assert disparity_px[0, 1:].tolist() == [257 / 256, 65535 / 256]
    depth_m = read_depth_png(path, steps_per_m=1000.0, unknown=(0, 65535))
    assert np.isnan(depth_m[0, [0, 2]]).all()
    assert depth_m[0, 1] == np.float32(0.257)
    with pytest.raises(FileFormatError, match=r"1 channel\(s\) of uint16, expected .* 3 channel"):
        read_png16(path, channels=3)


def test_flo_is_what_middlebury_defines(tmp_path: Path) -> None:
    path = tmp_path / "flow.flo"
    values = [1.5, -2.0, 3.0, 4.0, 1e10, 0.0]  # u v u v u v: the third pixel is unknown
    path.write_bytes(b"PIEH" + struct.pack("<ii6f", 3, 1, *values))
    flow = read_flo(path)
    assert flow.shape == (1, 3, 2)
    assert flow[0, :2].tolist() == [[1.5, -2.0], [3.0, 4.0]]
    assert np.isnan(flow[0, 2]).all()
    write_flo(tmp_path / "again.flo", flow)
    np.testing.assert_array_equal(read_flo(tmp_path / "again.flo"), flow)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "starts with b''"),
        (b"PIEX" + bytes(16), "starts with b'PIEX', expected a .flo file"),
        (b"PIEH" + struct.pack("<ii2f", 2, 1, 0, 0), r"20 bytes for 1x2 \(HxW\), expected 28"),
        (b"PIEH" + struct.pack("<ii", -1, 1), "cut short"),
    ],
)
def test_a_broken_flo_file_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "bad.flo").write_bytes(content)
    with pytest.raises(FileFormatError, match=rf"bad\.flo: .*{message}"):
        read_flo(tmp_path / "bad.flo")


def test_pfm_is_read_bottom_row_first_in_either_byte_order(tmp_path: Path) -> None:
    path = tmp_path / "map.pfm"
    path.write_bytes(b"Pf\n2 2\n-1.0\n" + struct.pack("<4f", 3, 4, 1, 2))
    assert read_pfm(path).tolist() == [[1, 2], [3, 4]]
    path.write_bytes(b"Pf\n2 2\n1\n" + struct.pack(">4f", 3, 4, 1, 2))
    assert read_pfm(path).tolist() == [[1, 2], [3, 4]]
    colours = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    write_pfm(path, colours)
    np.testing.assert_array_equal(read_pfm(path), colours)
    path.write_bytes(b"Pf\n2 2\n-1.0\n" + bytes(15))
    with pytest.raises(FileFormatError, match=r"15 bytes of pixels for 2x2x1 .* expected 16"):
        read_pfm(path)
    path.write_bytes(b"P6\n2 2\n255\n")
    with pytest.raises(FileFormatError, match="header of a portable float map"):
        read_pfm(path)


def test_spring_is_hdf5_under_its_own_key(tmp_path: Path) -> None:
    flow = np.array([[[1, 2], [NAN, NAN]]], dtype=np.float32)
    with h5py.File(tmp_path / "a.flo5", "w") as file:
        file.create_dataset("flow", data=flow, compression="gzip")
    np.testing.assert_array_equal(read_spring(tmp_path / "a.flo5", "flow"), flow)
    with pytest.raises(FileFormatError, match=r'a\.flo5: .*expected .*"disparity" of Spring'):
        read_spring(tmp_path / "a.flo5", "disparity")
    (tmp_path / "b.flo5").write_bytes(b"PIEH")
    with pytest.raises(FileFormatError, match=r"b\.flo5: "):
        read_spring(tmp_path / "b.flo5", "flow")


def test_images_come_upright_and_in_rgb(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    exif = Image.Exif()
    exif[0x0112] = 6  # turn 90 degrees clockwise to look at it
    pixels = np.array([[[255, 0, 0], [0, 255, 0]]], dtype=np.uint8)  # red left, green right
    Image.fromarray(pixels).save(path, exif=exif)
    assert read_image(path).tolist() == [[[255, 0, 0]], [[0, 255, 0]]]  # red above, green below


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "1", "CMYK"])
def test_every_8_bit_kind_of_image_becomes_rgb(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    Image.new("RGB", (3, 2), (255, 255, 255)).convert(mode).save(path)
    image = read_image(path)
    assert image.shape == (2, 3, 3)
    assert (image == 255).all()


def test_a_16_bit_image_is_not_squeezed_into_8(tmp_path: Path) -> None:
    path = write_png16(tmp_path / "depth.png", np.full((2, 2), 4000, dtype=np.uint16))
    with pytest.raises(FileFormatError, match="mode I;16, expected 8 bits"):
        read_image(path)
    with pytest.raises(FileFormatError, match="expected one 8-bit value"):
        read_indices(path)


def test_indices_are_not_colours(tmp_path: Path) -> None:
    indexed = Image.fromarray(np.array([[0, 7, 11]], dtype=np.uint8))
    indexed.putpalette([200, 100, 50] * 256)
    indexed.save(tmp_path / "labels.png")
    with Image.open(tmp_path / "labels.png") as image:
        assert image.mode == "P"
    assert read_indices(tmp_path / "labels.png").tolist() == [[0, 7, 11]]


def write_grey(path: Path, bits: int, row: list[int]) -> Path:
    """A grey PNG of few bits per pixel, one row that fills whole bytes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        end = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + end

    number = int("".join(format(value, f"0{bits}b") for value in row), 2)
    pixels = zlib.compress(b"\0" + number.to_bytes(len(row) * bits // 8, "big"))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", len(row), 1, bits, 0, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", pixels) + chunk(b"IEND", b""))
    return path


@pytest.mark.parametrize(("bits", "row"), [(1, [0, 1] * 4), (2, [0, 1, 2, 3]), (4, [0, 15])])
def test_indices_of_few_bits_are_not_stretched_to_others(
    tmp_path: Path, bits: int, row: list[int]
) -> None:
    # Pillow makes 255, "not counted", of the highest value and 17 of a 1 in 4 bits.
    path = write_grey(tmp_path / "few.png", bits, row)
    with pytest.raises(
        FileFormatError, match=r"few\.png: grey of fewer than 8 bits.*save it with 8"
    ):
        read_indices(path)


@pytest.mark.parametrize(
    ("name", "content", "read"),
    [
        ("a.ppm", b"P6\n4 1\xa1 255\n" + bytes(40), read_image),
        # A header that says 200 million pixels.
        ("a.pgm", b"P5\n20000 10000 255\n" + bytes(40), read_indices),
        ("a.npy", b"\x93NUMPY\x01\x00\x16\x00{'descr': ('<f4', (2,     ", read_npy),
    ],
    ids=["ppm", "pgm", "npy"],
)
def test_damage_of_any_kind_names_the_file(
    tmp_path: Path, name: str, content: bytes, read: object
) -> None:
    assert callable(read)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FileFormatError, match=r"a\.(ppm|pgm|npy): .*expected"):
        read(tmp_path / name)


def test_flags_with_a_palette_are_its_colours(tmp_path: Path) -> None:
    flags = Image.fromarray(np.array([[0, 1, 2]], dtype=np.uint8))
    flags.putpalette([255, 0, 0, 0, 0, 0, 0, 255, 0])  # red is no black, though its index is 0
    flags.save(tmp_path / "map.png")
    assert read_flags(tmp_path / "map.png").tolist() == [[True, False, True]]


def test_several_arrays_are_no_depth(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", depth=np.ones((2, 2)))
    (tmp_path / "a.npz").rename(tmp_path / "a.npy")
    with pytest.raises(
        FileFormatError, match=r"a\.npy: several arrays \(\.npz\), expected a NumPy"
    ):
        read_npy(tmp_path / "a.npy")


def test_spring_values_of_another_shape_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.flo5", "w") as file:
        file["flow"] = np.zeros((4, 6), np.float32)
    with pytest.raises(FileFormatError, match=r"a\.flo5: flow of shape \(4, 6\), expected"):
        read_spring(tmp_path / "a.flo5", "flow")


def test_text_may_begin_with_a_mark_and_must_be_text(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("one\n", encoding="utf-8-sig")
    assert read_text(path, "names") == "one\n"
    path.write_text("one\n", encoding="utf-16")
    with pytest.raises(FileFormatError, match=r"list\.txt: .*expected names, as UTF-8 text"):
        read_text(path, "names")


@pytest.mark.parametrize("read", [read_image, read_indices, read_flo, read_pfm, read_kitti_flow])
def test_an_absent_or_foreign_file_is_named_with_what_was_expected(
    tmp_path: Path, read: object
) -> None:
    assert callable(read)
    with pytest.raises(FileFormatError, match=r"absent\.x: No such file.*expected"):
        read(tmp_path / "absent.x")
    (tmp_path / "text.x").write_text("this is no image, though long enough to have had a header")
    with pytest.raises(FileFormatError, match=r"text\.x: .*expected"):
        read(tmp_path / "text.x")
