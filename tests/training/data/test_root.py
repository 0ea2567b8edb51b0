from pathlib import Path

import pytest

from training.data.root import BESIDE_THE_CHECKOUT, data_root


def test_the_data_lies_beside_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANYRES_DATA", raising=False)
    assert data_root() == BESIDE_THE_CHECKOUT
    checkout = Path(__file__).resolve().parents[3]
    assert (checkout / ".." / "shared" / "data").resolve() == data_root().resolve()


def test_the_variable_overrides_it_and_must_name_a_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ANYRES_DATA", str(tmp_path))
    assert data_root() == tmp_path
    monkeypatch.setenv("ANYRES_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match="ANYRES_DATA=.*nowhere is not a folder"):
        data_root()
