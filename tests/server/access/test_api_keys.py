"""Lists of keys: what is read, what is refused, and that nothing tells a secret."""

from pathlib import Path

import pytest

from server.access.api_keys import ApiKeyError, read_api_keys

SECRET, OTHER = "s" * 20, "t" * 20


def test_keys_come_from_the_setting_and_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"# all of ours\n\ncamera:{OTHER} requests_per_s=30 mpx_per_s=0.5 # roof\n")
    first, second = read_api_keys(text=f"web:{SECRET}", file=file)
    assert (first.name, first.requests_per_s, first.mpx_per_s) == ("web", None, None)
    assert (second.name, second.requests_per_s, second.mpx_per_s) == ("camera", 30.0, 0.5)


def test_no_setting_is_no_key() -> None:
    assert read_api_keys() == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SECRET, "expected name:secret"),
        (f"web site:{SECRET}", "expected name:secret"),
        (f"{SECRET}:web", "has 3 characters, expected 16 to 256"),
        (f"a\x1b:{SECRET}", "expected name:secret"),
        ("web:short-secret", "has 12 characters, expected 16 to 256"),
        (f"web:{SECRET} rps=5", "requests_per_s or mpx_per_s=number"),
        (f"web:{SECRET} mpx_per_s=-1", "requests_per_s or mpx_per_s=number"),
        (f"web:{SECRET},web:{OTHER}", "'web' or its secret is there already"),
        (f"web:{SECRET},net:{SECRET}", "'net' or its secret is there already"),
    ],
)
def test_a_wrong_list_is_refused_without_showing_secrets(text: str, message: str) -> None:
    with pytest.raises(ApiKeyError, match=message) as refused:
        read_api_keys(text=text)
    assert SECRET not in str(refused.value)
    assert OTHER not in str(refused.value)


def test_an_empty_file_does_not_open_the_door(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("# nothing yet\n")
    with pytest.raises(ApiKeyError, match="holds no key"):
        read_api_keys(file=file)


def test_a_file_that_cannot_be_read_is_named_and_nothing_of_it_is_shown(tmp_path: Path) -> None:
    binary = tmp_path / "keys"
    binary.write_bytes(b"web:\xff" + SECRET.encode())
    for file, reason in (
        (tmp_path / "none", "No such file or directory"),
        (tmp_path, "Is a directory"),
        (binary, "it is no UTF-8 text"),
    ):
        with pytest.raises(ApiKeyError) as refused:
            read_api_keys(file=file)
        assert str(refused.value) == (
            f"{file} cannot be read ({reason}), expected name:secret lines: correct api_keys_file"
        )
        assert refused.value.__suppress_context__


def test_a_key_does_not_show_itself() -> None:
    (key,) = read_api_keys(text=f"web:{SECRET}")
    assert SECRET not in repr(key)
    assert key.digest.hex() not in repr(key)
