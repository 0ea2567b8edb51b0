"""The four folder names are ordinary words: nobody else may bring packages of these names."""

from importlib.metadata import packages_distributions
from pathlib import Path

import export
import models
import server
import training

ROOT = Path(__file__).resolve().parents[1]


def test_no_other_distribution_owns_our_names() -> None:
    owners = packages_distributions()
    for name in ("models", "training", "export", "server"):
        assert set(owners.get(name, ["anyres"])) == {"anyres"}, owners[name]


def test_the_packages_are_those_of_this_checkout() -> None:
    for package in (models, training, export, server):
        assert package.__file__ is not None
        assert Path(package.__file__).resolve().is_relative_to(ROOT)
