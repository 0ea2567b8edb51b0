"""Manifests that something has happened to: a bundle or a reason, nothing else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.manifests import check, corpus
from tests.fuzz.mutations import Change, changes, mutated

MANIFESTS = corpus()


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_every_manifest_ends_well_as_it_is(manifest: bytes) -> None:
    check(manifest)


@settings(max_examples=200)
@given(st.sampled_from(MANIFESTS), changes)
def test_whatever_happens_to_a_manifest_ends_well(manifest: bytes, wanted: list[Change]) -> None:
    check(mutated(manifest, wanted, MANIFESTS))
