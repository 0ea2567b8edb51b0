"""docs/failure-modes.md names tests that exist, for every case, and every code there is."""

import ast
import re
from functools import lru_cache
from pathlib import Path

from server import errors
from server.config import ServerConfig
from server.errors import ServerError
from server.service import Service

TESTS = Path(__file__).resolve().parents[1]
PAGE = (TESTS.parent / "docs" / "failure-modes.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`([\w/]+\.py)::(\w+)`", PAGE)


def tables() -> list[list[list[str]]]:
    """Cells of each table, without its head."""
    found = re.findall(r"(?:^\|.*\|\n)+", PAGE, flags=re.MULTILINE)
    return [
        [[cell.strip() for cell in line.strip("|\n").split("|")] for line in table.splitlines()[2:]]
        for table in found
    ]


@lru_cache
def names_in(file: str) -> frozenset[str]:
    """Of the functions of a file of tests."""
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def test_every_test_that_is_named_exists() -> None:
    assert len(NAMED) > 100
    assert [f"{file}::{name}" for file, name in NAMED if name not in names_in(file)] == []
    assert all(name.startswith("test_") for _, name in NAMED)


def test_every_case_says_what_happens_and_names_a_test() -> None:
    *cases, codes = tables()
    assert sum(map(len, cases)) > 50
    assert len(codes) > 10
    for case, behaviour, tests in (row for table in cases for row in table):
        assert case
        assert behaviour
        assert re.fullmatch(r"(`[\w/]+\.py::\w+`\s*)+", tests), case


def test_every_code_stands_beside_its_status() -> None:
    shown = {
        (int(status), code)
        for status, codes, _ in tables()[-1]
        for code in re.findall(r"`(\w+)`", codes)
    }
    classes = [
        one
        for one in vars(errors).values()
        if isinstance(one, type) and issubclass(one, ServerError)
    ]
    raised = {(one.status, one.code) for one in classes}
    assert shown == raised | {(405, "method_not_allowed")}  # which is the router's


def test_settings_and_metrics_that_are_named_exist() -> None:
    known = set(ServerConfig.model_fields)
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", PAGE))
    codes = {code for row in tables()[-1] for code in re.findall(r"`(\w+)`", row[1])}
    of_requests = {"timeout_ms", "next_image", "request_id"}
    names = {name for name in named if not name.startswith("anyres_")}
    assert names - codes - of_requests <= known
    assert len(named & known) > 10
    metrics = set(re.findall(r"`(anyres_\w+)`", PAGE))
    page = Service(ServerConfig()).telemetry.text().decode()
    assert metrics <= set(re.findall(r"^# TYPE (\S+)", page, flags=re.MULTILINE))
