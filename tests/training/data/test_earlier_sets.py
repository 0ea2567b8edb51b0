"""Files of CamVid, Sintel, KITTI 2012, ICL-NUIM, 7-Scenes, Middlebury 2003 that are wrong."""

from pathlib import Path

import numpy as np
import pytest

from tests.training.data import tiny_files
from training.data.file_formats import FileFormatError, write_flo
from training.data.readers.camvid import CamVid
from training.data.readers.icl_nuim import IclNuim
from training.data.readers.kitti2012 import Kitti2012
from training.data.readers.middlebury2003 import Middlebury2003
from training.data.readers.reader import Reader
from training.data.readers.seven_scenes import SevenScenes
from training.data.readers.sintel import Sintel

SIZE = (4, 6)
OTHER = (4, 5)


def write_camvid(folder: Path) -> Reader:
    tiny_files.text(folder / "train.txt", "a\n")
    tiny_files.image(folder / "train/a.jpg", SIZE)
    tiny_files.indices(folder / "trainannot/a.png", np.zeros(SIZE))
    return CamVid(split="train", folder=folder)


def write_sintel(folder: Path) -> Reader:
    for number in (1, 2):
        tiny_files.image(folder / f"clean/a/frame_000{number}.png", SIZE)
    for kind in ("invalid", "occlusions"):
        tiny_files.indices(folder / kind / "a/frame_0001.png", np.zeros(SIZE))
    (folder / "flow/a").mkdir(parents=True)
    write_flo(folder / "flow/a/frame_0001.flo", tiny_files.constant_flow(SIZE, 1, 0))
    return Sintel(rendering="clean", folder=folder)


def write_kitti2012(folder: Path) -> Reader:
    for number in (10, 11):
        tiny_files.image(folder / f"image_0/000000_{number}.png", SIZE)
    for kind in ("flow_occ", "flow_noc"):
        path = folder / kind / "000000_10.png"
        tiny_files.kitti_flow(path, tiny_files.constant_flow(SIZE, 1, 0))
    tiny_files.png16(folder / "disp_occ/000000_10.png", np.ones(SIZE))
    tiny_files.text(folder / "calib/000000.txt", "P0: 1 0 0 0 0 1 0 0 0 0 1 0\nP1: " + "1 " * 12)
    return Kitti2012(flow_folder=folder, depth_folder=folder)


def write_icl_nuim(folder: Path) -> Reader:
    tiny_files.image(folder / "rgb/0.png", SIZE)  # as the TUM-compatible archives have it
    tiny_files.png16(folder / "depth/0.png", np.full(SIZE, 5000))
    return IclNuim(folder=folder)


def write_seven_scenes(folder: Path) -> Reader:
    for number in (0, 1):
        tiny_files.image(folder / f"frame-00000{number}.color.png", SIZE)
        tiny_files.png16(folder / f"frame-00000{number}.depth.png", np.full(SIZE, 1000))
        np.savetxt(folder / f"frame-00000{number}.pose.txt", np.eye(4))
    return SevenScenes(gap=1, folder=folder)


def write_middlebury2003(folder: Path) -> Reader:
    for name in ("im2", "im6"):
        tiny_files.image(folder / f"cones/{name}.ppm", SIZE)
    for name in ("disp2", "disp6"):
        tiny_files.indices(folder / f"cones/{name}.pgm", np.full(SIZE, 4))
    return Middlebury2003(folder=folder)


FILES = {
    write_camvid: ("trainannot/a.png",),
    write_sintel: (
        "clean/a/frame_0002.png",
        "flow/a/frame_0001.flo",
        "invalid/a/frame_0001.png",
        "occlusions/a/frame_0001.png",
    ),
    write_kitti2012: (
        "image_0/000000_11.png",
        "flow_occ/000000_10.png",
        "flow_noc/000000_10.png",
        "disp_occ/000000_10.png",
    ),
    write_icl_nuim: ("depth/0.png",),
    write_seven_scenes: (
        "frame-000000.depth.png",
        "frame-000001.color.png",
        "frame-000001.depth.png",
    ),
    write_middlebury2003: ("cones/im6.ppm", "cones/disp2.pgm", "cones/disp6.pgm"),
}
CASES = [(write, file) for write, files in FILES.items() for file in files]


FLAGS = ("trainannot/", "invalid/", "occlusions/", "cones/disp")
DEPTH = ("disp_occ/", "depth/", "frame-000000.depth", "frame-000001.depth")


def rewrite(folder: Path, file: str, size: tuple[int, int]) -> None:
    """The same kind of file at another size."""
    path = folder / file
    if file.endswith(".flo"):
        write_flo(path, tiny_files.constant_flow(size, 1, 0))
    elif file.startswith("flow_"):
        tiny_files.kitti_flow(path, tiny_files.constant_flow(size, 1, 0))
    elif file.startswith(DEPTH):
        tiny_files.png16(path, np.ones(size))
    elif file.startswith(FLAGS):
        tiny_files.indices(path, np.zeros(size))
    else:
        tiny_files.image(path, size)


@pytest.mark.parametrize(("write", "file"), CASES)
def test_a_file_of_another_size_is_named(write: object, file: str, tmp_path: Path) -> None:
    assert callable(write)
    data = write(tmp_path)
    data[0]  # as written, it can be read
    rewrite(tmp_path, file, OTHER)
    with pytest.raises(FileFormatError, match=rf"{Path(file).name}: 4x5 \(HxW\).* expected .*4x6"):
        data[0]


@pytest.mark.parametrize(("write", "file"), CASES)
def test_a_cut_or_missing_file_is_named(write: object, file: str, tmp_path: Path) -> None:
    assert callable(write)
    data = write(tmp_path)
    path = tmp_path / file
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(FileFormatError, match=rf"{path.name}: .*expected "):
        data[0]
    path.unlink()
    with pytest.raises(FileFormatError, match=rf"{path.name}: No such file.*expected "):
        data[0]


def test_7_scenes_are_one_sequence_or_several(tmp_path: Path) -> None:
    for sequence in ("seq-01", "seq-02"):
        (tmp_path / sequence).mkdir()
        write_seven_scenes(tmp_path / sequence)
    data = SevenScenes(gap=1, folder=tmp_path)
    # The last frame of a sequence is not followed by the first of the next one.
    assert data.names == ("seq-01/frame-000000", "seq-02/frame-000000")
    assert data[1].name == "7scenes/seq-02/frame-000000+1"
    assert data[1].inverse_depth is not None
    assert data.depth_camera.focal_x_px == 585.0  # no file says it
