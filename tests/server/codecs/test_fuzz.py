"""Images that something has happened to: an image or a documented error, nothing else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.codecs.image_header import read_header
from server.errors import MalformedImage, UnsupportedImage
from tests.fuzz.images import check, corpus, with_checksums

FILES = corpus()

place = st.floats(0, 1, exclude_max=True)
flip = st.tuples(st.just("set"), place, st.integers(0, 255))
cut = st.tuples(st.just("cut"), place, st.integers(1, 40))
twice = st.tuples(st.just("twice"), place, st.integers(1, 40))
splice = st.tuples(st.just("splice"), place, st.integers(0, len(FILES) - 1))


def mutated(data: bytes, changes: list[tuple[str, float, int]]) -> bytes:
    for what, share, number in changes:
        at = int(share * len(data))
        if what == "set":
            data = data[:at] + bytes([number]) + data[at + 1 :]
        elif what == "cut":
            data = data[:at] + data[at + number :]
        elif what == "twice":
            data = data[: at + number] + data[at:]
        else:
            data = data[:at] + FILES[number][int(share * len(FILES[number])) :]
    return data


@pytest.mark.parametrize("index", range(len(FILES)))
def test_the_files_are_fine_as_they_are(index: int) -> None:
    check(FILES[index])
    header = read_header(FILES[index])
    assert header.num_pixels in (37 * 29, 9 * 11)


@settings(max_examples=250)
@given(
    st.sampled_from(FILES),
    st.lists(st.one_of(flip, cut, twice, splice), min_size=1, max_size=4),
    st.booleans(),
)
def test_whatever_happens_to_a_file_ends_well(
    data: bytes, changes: list[tuple[str, float, int]], checksums: bool
) -> None:
    broken = mutated(data, changes)
    check(with_checksums(broken) if checksums else broken)


@settings(max_examples=100)
@given(st.sampled_from(FILES), st.lists(flip, min_size=1, max_size=3), st.integers(0, 200))
def test_whatever_happens_to_a_header_ends_well(
    data: bytes, changes: list[tuple[str, float, int]], length: int
) -> None:
    head = mutated(data[:200], changes)[:length]
    try:
        header = read_header(head)
    except (MalformedImage, UnsupportedImage):
        return
    assert min(header.size) >= 1
