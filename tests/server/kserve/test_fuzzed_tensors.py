"""Bodies of /v2 that something has happened to: images or a documented error, nothing else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.mutations import Change, changes, mutated
from tests.fuzz.tensors import check, corpus

BODIES = corpus()


@pytest.mark.parametrize("body", BODIES)
def test_every_body_ends_well_as_it_is(body: bytes) -> None:
    check(body)


@settings(max_examples=200)
@given(st.sampled_from(BODIES), changes)
def test_whatever_happens_to_a_body_ends_well(body: bytes, wanted: list[Change]) -> None:
    check(mutated(body, wanted, BODIES))
