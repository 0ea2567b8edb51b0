"""Packages that a test cannot do without."""

from importlib.util import find_spec

import pytest


def need(package: str) -> None:
    """Skip the test where it is not installed. Nothing is imported: OpenVINO's import has effects
    that models.runtime.quiet_openvino keeps away."""
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
