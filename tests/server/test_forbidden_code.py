"""What the server's code must never hold, read from its syntax."""

import ast
from collections.abc import Iterator
from pathlib import Path

from starlette.middleware.base import BaseHTTPMiddleware

from server.app import create_app
from server.service import Service
from tests.server.serving import config_for

ROOT = Path(__file__).resolve().parents[2]
FETCHERS = {
    "urllib.request",
    "http.client",
    "ftplib",
    "requests",
    "httpx",
    "httpx2",
    "aiohttp",
    "urllib3",
    "smbclient",
}
PICKLES = {"pickle", "cPickle", "_pickle", "dill", "joblib", "shelve", "marshal", "cloudpickle"}
CLIENTS = {"server/bench/client.py", "server/bench/local_server.py", "server/bench_command.py"}
"""Of `python -m server bench`; nothing that answers requests imports them."""
OUTSIDE_IN = ["RequestScope", "CORSMiddleware", "LastResort", "Guard"]


def sources() -> Iterator[tuple[str, ast.Module]]:
    """Everything that a serving process may import."""
    for package in ("server", "models"):
        for file in sorted((ROOT / package).rglob("*.py")):
            yield str(file.relative_to(ROOT)), ast.parse(file.read_text(encoding="utf-8"))


SOURCES = dict(sources())


def imported(tree: ast.Module) -> set[str]:
    """Modules, and names as module.name."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def calls(tree: ast.Module, name: str) -> Iterator[ast.Call]:
    """Of `name`, or of something's attribute of that name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == name:
            yield node


def arguments(call: ast.Call) -> dict[str, str]:
    return {one.arg: ast.unparse(one.value) for one in call.keywords if one.arg}


def test_the_scan_sees_the_sources() -> None:
    assert {"server/app.py", "server/codecs/decode.py", "models/bundle.py"} <= set(SOURCES)
    assert "PIL.Image" in imported(SOURCES["server/codecs/decode.py"])
    assert list(calls(SOURCES["server/codecs/decode.py"], "Image.open"))


def test_no_middleware_hides_that_a_client_has_left() -> None:
    for file, tree in SOURCES.items():
        names = imported(tree)
        assert not any("BaseHTTPMiddleware" in name for name in names), file
        assert "starlette.middleware.base" not in names, file
        for decorator in ("app.middleware", "router.middleware"):  # they make one
            assert not list(calls(tree, decorator)), file


def test_the_stack_as_it_is_built_holds_none_either(folder: Path) -> None:
    config = config_for(folder, cors_origins=("https://example.org",))
    layer: object = create_app(Service(config)).build_middleware_stack()
    names = []
    while layer is not None:
        assert not isinstance(layer, BaseHTTPMiddleware)
        names.append(type(layer).__name__)
        layer = getattr(layer, "app", None) or getattr(layer, "_app", None)
    ours = [name for name in names if name in OUTSIDE_IN]
    assert ours == OUTSIDE_IN


def test_nothing_is_unpickled() -> None:
    for file, tree in SOURCES.items():
        assert not {name.partition(".")[0] for name in imported(tree)} & PICKLES, file
        for name in ("np.load", "numpy.load"):
            for call in calls(tree, name):
                assert arguments(call).get("allow_pickle") == "False", file
        for call in calls(tree, "torch.load"):
            assert arguments(call).get("weights_only") == "True", file
        for name in ("eval", "exec", "__import__", "os.system"):
            assert not list(calls(tree, name)), file


def test_nothing_fetches() -> None:
    for file, tree in SOURCES.items():
        if file not in CLIENTS:
            names = imported(tree)
            fetches = {one for one in names if one in FETCHERS or one.split(".")[0] in FETCHERS}
            assert not fetches, file


def test_pillow_is_always_told_which_formats_it_may_open() -> None:
    opened = [call for tree in SOURCES.values() for call in calls(tree, "Image.open")]
    assert opened
    assert all("formats" in arguments(call) for call in opened)
