"""What is wrong with a setting is told with the place where it stands."""

from pathlib import Path

import pytest
from pydantic import ValidationError
from pydantic_settings import CliApp, SettingsError

from server.bench_command import BenchCommand
from server.config import PREFIX, ServerConfig
from server.settings.refused import SECRETS, refused_arguments, refused_values


def refused(*arguments: str, **environment: str) -> list[str]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        with pytest.raises(ValidationError) as error:
            CliApp.run(ServerConfig, cli_args=list(arguments))
    return refused_values(error.value, arguments, environment, prefix=PREFIX)


def unread(*arguments: str) -> str:
    with pytest.raises(SettingsError) as error:
        CliApp.run(BenchCommand, cli_args=list(arguments))
    return refused_arguments(str(error.value), BenchCommand.model_fields)


def test_a_value_is_named_by_where_it_stands_and_each_has_a_line(tmp_path: Path) -> None:
    file = tmp_path / "anyres.toml"
    file.write_text('threads = "two"', encoding="utf-8")
    assert refused("--max-mpx=0", "--config", str(file), ANYRES_PORT="tcp://10.0.0.1:80") == [
        "threads in the settings file is 'two', expected a whole number: correct it, or leave it "
        "out",
        "--max-mpx is '0', expected a number greater than 0: correct it, or leave it out",
        "ANYRES_PORT is 'tcp://10.0.0.1:80', expected a whole number: correct it, or leave it out",
    ]


def test_a_flag_wins_over_a_variable_as_the_one_that_is_wrong() -> None:
    (sentence,) = refused("--port", "x", ANYRES_PORT="80")
    assert sentence.startswith("--port is 'x'")


def test_a_sentence_of_ours_stands_as_it_is() -> None:
    assert refused("--warm-up", "12") == [
        "--warm-up: '12' is no size, expected HEIGHTxWIDTH in pixels like 1080x1920, each side "
        "from 1 to 16384"
    ]
    (short,) = refused("--admin-key", "short")
    assert short.startswith("admin_key has 5 characters, expected 16 or more")


def test_a_secret_of_the_wrong_type_is_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "anyres.toml"
    file.write_text('api_keys = ["web:swordfish"]\nadmin_key = 12345', encoding="utf-8")
    found = refused("--config", str(file))
    assert [sentence.partition(" in ")[0] for sentence in found] == ["admin_key", "api_keys"]
    assert all("is '(set, not shown)', expected a text" in sentence for sentence in found)


def test_every_secret_is_known_to_be_one() -> None:
    kinds = {name: str(field.annotation) for name, field in ServerConfig.model_fields.items()}
    assert {name for name, kind in kinds.items() if "SecretStr" in kind} == set(SECRETS)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--client", "3"], "--client is no flag here, was --clients meant? --help lists all"),
        (["--frob=3"], "--frob is no flag here: --help lists what there is"),
        (
            ["confg"],
            "confg is neither a command (predict, bench, config) nor of a flag, was config ",
        ),
        (["--clients"], "argument --clients: expected one argument; --help lists all flags"),
    ],
)
def test_a_command_line_that_cannot_be_read_is_one_line(
    arguments: list[str], sentence: str
) -> None:
    found = unread(*arguments)
    assert found.startswith(sentence)
    assert "\n" not in found


def test_what_else_keeps_settings_from_being_read_is_left_as_it_is() -> None:
    assert refused_arguments("a.toml: expected TOML", ["port"]) == "a.toml: expected TOML"
