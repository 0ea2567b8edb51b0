"""Archives and array files that other people's readers open."""

import io
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from server.codecs.npy import npy_pieces, npy_text
from server.codecs.pieces import bytes_of
from server.codecs.stored_zip import stored_zip
from server.errors import Unusable

ARRAYS: list[NDArray[Any]] = [
    np.zeros((0, 3), dtype=np.float32),
    np.arange(6, dtype=np.uint8).reshape(2, 3),
    np.arange(12, dtype=np.float32).reshape(2, 3, 2)[:, ::2],
    np.asfortranarray(np.arange(6, dtype=np.float16).reshape(2, 3)),
]


@given(
    st.dictionaries(
        st.text("aä./", min_size=1, max_size=5),
        st.lists(st.binary(max_size=9), max_size=3),
        max_size=4,
    )
)
@settings(max_examples=50)
def test_zipfile_reads_back_what_was_stored(files: dict[str, list[bytes]]) -> None:
    archive = b"".join(stored_zip({name: tuple(parts) for name, parts in files.items()}))
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert opened.testzip() is None
        assert {name: opened.read(name) for name in opened.namelist()} == {
            name: b"".join(parts) for name, parts in files.items()
        }
        assert all(one.compress_type == zipfile.ZIP_STORED for one in opened.infolist())


@pytest.mark.skipif(shutil.which("unzip") is None, reason="no unzip on this machine")
def test_unzip_finds_nothing_wrong(tmp_path: Path) -> None:
    file = tmp_path / "a.zip"
    file.write_bytes(b"".join(stored_zip({"a.txt": (b"hello", b" world"), "b": ()})))
    told = subprocess.run(["unzip", "-t", str(file)], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout
    assert "No errors detected" in told.stdout


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}{array.shape}")
def test_numpy_reads_back_an_array(array: NDArray[Any]) -> None:
    file = b"".join(npy_pieces(array))
    found = np.load(io.BytesIO(file), allow_pickle=False)
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)
    ours = io.BytesIO()
    np.save(ours, np.ascontiguousarray(array))
    assert file == ours.getvalue()


def test_numpy_reads_several_arrays_and_a_text() -> None:
    files = {f"{i}.npy": npy_pieces(array) for i, array in enumerate(ARRAYS)}
    archive = b"".join(stored_zip(files | {"meta.npy": npy_text('{"a": "Straße"}')}))
    with np.load(io.BytesIO(archive), allow_pickle=False) as found:
        for i, array in enumerate(ARRAYS):
            np.testing.assert_array_equal(found[str(i)], array)
        assert str(found["meta"]) == '{"a": "Straße"}'


def test_a_contiguous_array_is_not_copied() -> None:
    array = np.zeros((4, 5), dtype=np.float32)
    view = np.frombuffer(npy_pieces(array)[1], dtype=np.float32)
    assert np.shares_memory(view, array)
    assert not np.shares_memory(np.frombuffer(bytes_of(array[:, ::2]), np.uint8), array)


def test_four_gigabytes_are_refused_with_a_way_out() -> None:
    sixteenth = memoryview(bytes(2**24))
    with pytest.raises(Unusable, match=r"would be 4\.3 GB, a zip holds at most 4\.2.*multipart"):
        stored_zip({"a": (sixteenth,) * 256})
