"""Broken means: our own image fails too, again and again."""

from server.scheduling.device_health import DeviceHealth


def test_three_failed_probes_in_a_row_are_broken() -> None:
    health = DeviceHealth()
    for _ in range(2):
        health.probe_failed("no device")
        assert not health.is_broken
    assert health.reason == "no device"
    health.probe_failed("no device")
    assert health.is_broken


def test_a_success_in_between_clears_it() -> None:
    health = DeviceHealth()
    for _ in range(5):
        health.probe_failed("once in a while")
        health.succeeded()
    assert not health.is_broken
    assert health.reason is None
