"""Forms that something has happened to: their parts or a documented error, nothing else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.forms import check, corpus
from tests.fuzz.mutations import Change, changes, mutated

FORMS = corpus()


@pytest.mark.parametrize("form", FORMS)
def test_every_form_ends_well_as_it_is(form: bytes) -> None:
    check(form)


@settings(max_examples=200)
@given(st.sampled_from(FORMS), changes)
def test_whatever_happens_to_a_form_ends_well(form: bytes, wanted: list[Change]) -> None:
    check(mutated(form, wanted, FORMS))
