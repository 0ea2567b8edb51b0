"""docs/operate.md names only settings, metrics, routes, alerts and files that exist."""

import re
from pathlib import Path

import yaml
from starlette.testclient import TestClient

from server.config import LimitConfig, ServerConfig

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "operate.md").read_text()


def rows(heading: str, *, table: int = 0) -> list[list[str]]:
    """Cells of a table below a heading."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    tables = re.findall(r"(?:^\|.*\|\n)+", section, flags=re.MULTILINE)
    lines = tables[table].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_limits_are_settings_with_these_defaults() -> None:
    named = {row[0].split("`")[1]: row[1] for row in rows("Limits")}
    assert set(named) <= set(ServerConfig.model_fields)
    assert set(LimitConfig.model_fields) <= set(named)
    defaults = ServerConfig.model_fields
    numbers = {
        "max_mpx": 50,
        "max_body_bytes": 64 * 2**20,
        "body_timeout_s": 30,
        "timeout_s": 60,
        "max_queue": 64,
        "max_queue_bytes": 2**30,
        "max_queue_mpx": 200,
        "drain_timeout_s": 30,
    }
    assert {name: defaults[name].default for name in numbers} == numbers
    shown = {name: named[name].split()[0] for name in numbers}
    assert shown["max_body_bytes"] == "64"  # MiB
    assert shown["max_queue_bytes"] == "1"  # GiB
    for name in set(numbers) - {"max_body_bytes", "max_queue_bytes"}:
        assert float(shown[name]) == numbers[name]


def test_settings_in_the_text_exist() -> None:
    assigned = set(re.findall(r"`([a-z_]+) = [^`]*`", PAGE))
    assert len(assigned) > 4
    assert assigned <= set(ServerConfig.model_fields)
    variables = set(re.findall(r"ANYRES_([A-Z_]+)", PAGE)) - {"", "MAX_QEUE"}
    assert {name.lower() for name in variables} <= set(ServerConfig.model_fields)
    flags = set(re.findall(r"`--([a-z-]+)", PAGE)) - {"target", "read-only", "volume", "memory"}
    flags -= {"cpus", "build-arg"}  # of docker
    assert {flag.replace("-", "_") for flag in flags} <= set(ServerConfig.model_fields)


def test_metrics_exist_and_every_alert_is_explained(client: TestClient) -> None:
    page = client.get("/metrics").text
    exist = set(re.findall(r"^# TYPE (\S+)", page, flags=re.MULTILINE))
    named = {name for row in rows("Metrics") for name in re.findall(r"`(anyres_\w+)`", row[0])}
    assert len(named) > 25
    assert named <= exist
    rules = yaml.safe_load((ROOT / "docs" / "deploy" / "alerts.yaml").read_text())
    alerts = {rule["alert"] for group in rules["groups"] for rule in group["rules"]}
    explained = {name for row in rows("Metrics", table=1) for name in row[0].split(", ")}
    assert explained == alerts


def test_files_and_routes_exist(client: TestClient) -> None:
    for path in set(re.findall(r"docs/deploy[\w/.-]*", PAGE)):
        assert (ROOT / path.rstrip(".")).exists(), path
    for route in ("/livez", "/startupz", "/readyz", "/metrics", "/v1/models"):
        assert f"`{route}`" in PAGE
        assert client.get(route).status_code == 200
