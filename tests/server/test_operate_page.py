"""docs/operate.md names every setting and every metric, and nothing that does not exist."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from pydantic_settings import BaseSettings
from starlette.testclient import TestClient

from server.bench_command import BenchCommand
from server.config import (
    AccessConfig,
    BatchConfig,
    ConnectionConfig,
    EngineConfig,
    LimitConfig,
    ListenConfig,
    ModelsConfig,
    ServerConfig,
    StreamConfig,
    WatchingConfig,
)
from server.http.uvicorn_options import uvicorn_options
from server.service import Service
from tests.server.serving import config_for

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "operate.md").read_text()
UNIT = ROOT / "docs" / "deploy" / "anyres.service"
GROUPS = (
    *(EngineConfig, ModelsConfig, ListenConfig, LimitConfig, ConnectionConfig),
    *(BatchConfig, AccessConfig, StreamConfig, WatchingConfig),
)


def rows(heading: str, *, level: int = 2, table: int = 0) -> list[list[str]]:
    """Cells of a table below a heading."""
    section = re.split(rf"\n#{{2,{level}}} ", PAGE.partition(f"\n{'#' * level} {heading}\n")[2])[0]
    tables = re.findall(r"(?:^\|.*\|\n)+", section, flags=re.MULTILINE)
    lines = tables[table].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def shown(name: str, value: object) -> str:
    """A default as the page writes it."""
    if value is None or value in ("", ()):
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and value and name.endswith("_bytes"):
        for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
            if value % size == 0:
                return f"{value // size} {unit}"
    return f"{value:g}" if isinstance(value, float) else str(value)


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.__name__)
def test_every_setting_is_there_with_its_default(group: type[BaseSettings]) -> None:
    own = {
        name: group.model_fields[name] for name in group.__annotations__ if name != "model_config"
    }
    named = {row[0].strip("`"): row[1].strip("`") for row in rows(str(group.__doc__), level=3)}
    assert named == {name: shown(name, field.default) for name, field in own.items()}


def test_there_is_no_group_without_a_table() -> None:
    named = {name for group in GROUPS for name in group.model_fields}
    assert named == set(ServerConfig.model_fields) - {"config"}


def test_settings_in_the_text_exist() -> None:
    assigned = set(re.findall(r"`([a-z_]+) = [^`]*`", PAGE))
    assert len(assigned) > 4
    assert assigned <= set(ServerConfig.model_fields)
    variables = set(re.findall(r"ANYRES_([A-Z_]+)", PAGE)) - {"", "MAX_QEUE"}
    assert {name.lower() for name in variables} <= set(ServerConfig.model_fields)
    flags = set(re.findall(r"`--([a-z-]+)", PAGE)) - {"target", "read-only", "volume", "memory"}
    flags -= {"cpus", "build-arg"}  # of docker
    known = {*ServerConfig.model_fields, *BenchCommand.model_fields}
    assert {flag.replace("-", "_") for flag in flags} <= known


def test_the_lines_that_measure_are_taken() -> None:
    lines = re.findall(r"^python -m server bench *([^#\n]*)", PAGE, flags=re.MULTILINE)
    assert len(lines) > 2
    for line in lines:
        BenchCommand.from_arguments(line.split())


def test_every_metric_is_explained_and_exists(folder: Path) -> None:
    service = Service(config_for(folder))
    uvicorn_options(service.config, service.telemetry)  # those of the port
    page = service.telemetry.text().decode()
    exist = set(re.findall(r"^# TYPE (\S+)", page, flags=re.MULTILINE))
    named = [name for row in rows("Metrics") for name in re.findall(r"`(anyres_\w+)`", row[0])]
    assert len(named) == len(set(named))
    assert set(named) == exist
    mentioned = set(re.findall(r"anyres_\w+", PAGE))
    assert mentioned <= exist


def test_every_alert_is_explained() -> None:
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


def unit() -> dict[str, list[str]]:
    """The keys of [Service]; some come more than once."""
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text().partition("[Service]\n")[2].partition("\n[")[0].splitlines():
        if "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def test_the_service_of_systemd_lets_requests_finish_and_finds_its_folders() -> None:
    service = unit()
    defaults = ServerConfig.model_fields
    needed = defaults["drain_delay_s"].default + defaults["drain_timeout_s"].default
    assert float(service["TimeoutStopSec"][0]) > needed
    assert service["ExecStart"][0].endswith("/python -m server")
    assert float(service["LimitNOFILE"][0]) > 2 * defaults["max_connections"].default
    variables = dict(word.split("=", 1) for line in service["Environment"] for word in line.split())
    own = {name for name in variables if name.startswith("ANYRES_")}
    assert {name.removeprefix("ANYRES_").lower() for name in own} <= set(defaults)
    cache = variables["ANYRES_ENGINE_CACHE"]
    assert cache == f"/var/cache/{service['CacheDirectory'][0]}"  # all else is read-only
    assert service["ProtectSystem"] == ["strict"]
    for words in ("docs/deploy/anyres.service", service["WorkingDirectory"][0]):
        assert words in PAGE


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_knows_every_word_of_it(tmp_path: Path) -> None:
    here = tmp_path / "anyres.service"  # systemd looks whether what it would start is there
    text = re.sub(r"^ExecStart=.*$", "ExecStart=/bin/true", UNIT.read_text(), flags=re.MULTILINE)
    here.write_text(re.sub(r"^(WorkingDirectory|Documentation)=.*\n", "", text, flags=re.MULTILINE))
    done = subprocess.run(
        ["systemd-analyze", "verify", str(here)], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
