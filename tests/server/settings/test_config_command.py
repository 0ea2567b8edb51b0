"""Settings: where they come from, how they are listed, and a file that can be read back."""

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError
from pydantic_settings import CliApp, SettingsError

from server.config import ServerConfig
from server.config_command import ConfigCommand

KEY = "a key of sixteen characters or more"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ServerConfig.model_fields:
        monkeypatch.delenv(f"ANYRES_{name.upper()}", raising=False)
    return tmp_path / "anyres.toml"


def resolve(*flags: str) -> ServerConfig:
    return CliApp.run(ServerConfig, cli_args=list(flags))


def test_flags_win_over_variables_over_the_file_over_defaults(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text('port = 1\nhost = "file"\nthreads = 3\nwarm_up = ["8x9", "64x32"]\n')
    monkeypatch.setenv("ANYRES_PORT", "2")
    monkeypatch.setenv("ANYRES_HOST", "variable")
    config = resolve("--config", str(file), "--port", "4")
    assert (config.port, config.host, config.threads, config.max_queue) == (4, "variable", 3, 64)
    assert config.warm_up == ("8x9", "64x32")
    monkeypatch.setenv("ANYRES_CONFIG", str(file))
    assert resolve().threads == 3
    assert resolve("--warm-up", "1x2").warm_up == ("1x2",)


def test_the_listing_names_every_setting_its_value_its_source_and_its_meaning(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text("threads = 3\n")
    monkeypatch.setenv("ANYRES_HOST", "0.0.0.0")
    monkeypatch.setenv("ANYRES_ADMIN_KEY", KEY)
    page, warnings = ConfigCommand.run_with(["--config", str(file), "--port", "4"])
    for name, field in ServerConfig.model_fields.items():
        assert page.count(f"\n{name} = ") == 1
        assert field.description, name
        assert " ".join(field.description.split()) in " ".join(page.split()), name
    assert "port = 4    [flag --port]" in page
    assert 'host = "0.0.0.0"    [ANYRES_HOST]' in page
    assert f"threads = 3    [{file}]" in page
    assert "max_queue = 64    [default]" in page
    assert "admin_key = (set, not shown)    [ANYRES_ADMIN_KEY]" in page
    assert KEY not in page
    assert warnings == []


def test_the_written_file_reads_back_as_the_same_settings(file: Path) -> None:
    flags = [
        *("--port", "4", "--warm-up", "8x9,16x16", "--cors-origins", "https://a.example"),
        *("--model-folder", 'a "quoted" \\ folder\x7f', "--no-playground", "--timeout-s", "2.5"),
    ]
    page, _ = ConfigCommand.run_with([*flags, "--format", "toml"])
    file.write_text(page)
    wanted = resolve(*flags)
    again = resolve("--config", str(file))
    assert again.model_dump(exclude={"config"}) == wanted.model_dump(exclude={"config"})
    assert again.model_fields_set - {"config"} == wanted.model_fields_set


def test_its_commented_defaults_can_be_uncommented(file: Path) -> None:
    page, _ = ConfigCommand.run_with(["--format", "toml"])
    names = [f"#{name} = " for name in ServerConfig.model_fields]
    lines = [
        line[1:] if line.startswith(tuple(names)) and "# not set" not in line else line
        for line in page.splitlines()
    ]
    file.write_text("\n".join(lines))
    again = resolve("--config", str(file))
    assert len(again.model_fields_set) >= len(ServerConfig.model_fields) - 5  # those not set
    assert again.model_dump(exclude={"config"}) == resolve().model_dump(exclude={"config"})


def test_secrets_are_not_written(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANYRES_ADMIN_KEY", KEY)
    page, _ = ConfigCommand.run_with(["--format", "toml"])
    assert KEY not in page
    assert '#admin_key = ""  # (set, not shown)' in page
    file.write_text(f'admin_key = "{KEY}"')
    monkeypatch.delenv("ANYRES_ADMIN_KEY")
    assert resolve("--config", str(file)).admin_key == SecretStr(KEY)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prot = 80", "'prot' is no setting, the nearest is 'port'"),
        ("max-queue = 80", "'max-queue' is no setting, the nearest is 'max_queue'"),
        ('format = "toml"', "'format' is no setting"),
        ('config = "other.toml"', "'config' is no setting"),
        ("[server]\nport = 80", "'server' is no setting"),
        ("port 80", "expected TOML like"),
        ("port = 1\nport = 2", "expected TOML like"),
    ],
)
def test_a_file_with_something_unknown_is_refused(file: Path, text: str, message: str) -> None:
    file.write_text(text)
    for run in (resolve, lambda *flags: ConfigCommand.run_with(list(flags))):
        with pytest.raises(SettingsError) as refused:
            run("--config", str(file))
        assert message in str(refused.value)
        assert str(file) in str(refused.value)


def test_a_file_that_is_not_there_is_an_error(file: Path) -> None:
    with pytest.raises(SettingsError, match="No such file or directory; expected a TOML file"):
        resolve("--config", str(file))


def test_values_of_a_file_are_checked_like_any_other(file: Path) -> None:
    for text in ("port = 70000", 'warm_up = ["1080p"]', "threads = -1", "manage_models = true"):
        file.write_text(text)
        with pytest.raises(ValidationError):
            resolve("--config", str(file))


def test_a_variable_that_is_nearly_a_setting_is_named(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANYRES_MAX_QEUE", "3")
    monkeypatch.setenv("ANYRES_DATA", str(file))
    _, warnings = ConfigCommand.run_with([])
    assert warnings == [
        "ANYRES_MAX_QEUE is no setting and changes nothing: was ANYRES_MAX_QUEUE meant?"
    ]


def test_the_command_prints_and_ends(file: Path) -> None:
    file.write_text("prot = 80")
    command = [sys.executable, "-m", "server", "config"]
    done = subprocess.run([*command, "--port", "9"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "port = 9    [flag --port]" in done.stdout
    wrong = subprocess.run(
        [*command, "--config", str(file)], capture_output=True, text=True, timeout=60
    )
    assert wrong.returncode == 1
    assert wrong.stderr.startswith(f"error: {file}: 'prot' is no setting")
