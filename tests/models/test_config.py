"""What a configuration refuses."""

import pytest

from models.config import ConfigError, FlowConfig


@pytest.mark.parametrize("wrong", [{"radius": 0}, {"num_iterations": (1, 0, 1, 1, 1)}])
def test_a_flow_head_searches_and_updates_at_every_level(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="expected 1 or more of each: every level searches"):
        FlowConfig(**wrong)  # type: ignore[arg-type]
