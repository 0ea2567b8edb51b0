"""Images that something has happened to: an image or a documented error, nothing else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.codecs.image_header import read_header
from server.errors import MalformedImage, UnsupportedImage
from tests.fuzz.images import check, corpus
from tests.fuzz.mutations import Change, changes, flip, mutated

FILES = corpus()


@pytest.mark.parametrize("index", range(len(FILES)))
def test_the_files_are_fine_as_they_are(index: int) -> None:
    check(FILES[index])
    header = read_header(FILES[index])
    assert header.num_pixels in (37 * 29, 9 * 11)


@settings(max_examples=250)
@given(st.sampled_from(FILES), changes)
def test_whatever_happens_to_a_file_ends_well(data: bytes, wanted: list[Change]) -> None:
    check(mutated(data, wanted, FILES))


@settings(max_examples=100)
@given(st.sampled_from(FILES), st.lists(flip, min_size=1, max_size=3), st.integers(0, 200))
def test_whatever_happens_to_a_header_ends_well(
    data: bytes, wanted: list[Change], length: int
) -> None:
    head = mutated(data[:200], wanted, FILES)[:length]
    try:
        header = read_header(head)
    except (MalformedImage, UnsupportedImage):
        return
    assert min(header.size) >= 1
