"""Bodies that nobody meant: whatever comes, only documented answers come back."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from tests.server.kserve.tensors_sent import LENGTH, URL, of_files, of_pixels, read
from tests.server.serving import encoded, plain

DOCUMENTED = {400, 404, 408, 413, 415, 422, 429, 503, 504}  # 500 too, but that is a bug of ours
PNG = encoded(plain(3, 4, (10, 20, 30)))
GOOD = (
    of_files([PNG, PNG], [PNG, PNG], id="x", outputs=[{"name": "flow"}, {"name": "labels"}]),
    of_pixels(plain(2, 3, (1, 2, 3))[None], parameters={"timeout": 10**7, "priority": 1}),
)
MANY = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([-1, 0, 1, 2, 3, 2**31, 2**63, 2**64, 10**30]),
    st.floats(allow_nan=False),
    st.text(max_size=8),
    st.sampled_from(["image", "next_image", "labels", "flow", "BYTES", "UINT8", "FP32", "raw"]),
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["name", "shape", "datatype", "data", "parameters", "binary_data_size", "id", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def check(client: TestClient, body: bytes, headers: dict[str, str]) -> None:
    answer = client.post(URL, content=body, headers=headers)
    if answer.status_code == 200:
        words, _ = read(answer.content, answer.headers)
        assert words["model_name"] == "toy"
    else:
        assert answer.status_code in DOCUMENTED
        assert list(answer.json()) == ["error"]
        assert 0 < len(answer.json()["error"]) < 1000


@MANY
@given(st.binary(max_size=200), st.none() | st.integers(-1, 300))
def test_any_bytes(client: TestClient, body: bytes, length: int | None) -> None:
    check(client, body, {} if length is None else {LENGTH: str(length)})


@MANY
@given(values, st.binary(max_size=20))
def test_any_json(client: TestClient, value: Any, rest: bytes) -> None:
    text = json.dumps(value).encode()
    check(client, text + rest, {LENGTH: str(len(text))})


@MANY
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "name": st.sampled_from(["image", "next_image"]),
                "datatype": st.sampled_from(["BYTES", "UINT8"]),
                "shape": st.lists(st.sampled_from([-1, 0, 1, 2, 3, 2**31, 2**62]), max_size=5),
            },
            optional={
                "data": st.lists(st.integers(0, 255) | st.lists(st.integers(0, 300)), max_size=12),
                "parameters": st.fixed_dictionaries({"binary_data_size": st.integers(0, 40)}),
            },
        ),
        max_size=3,
    ),
    st.binary(max_size=40),
)
def test_any_tensors(client: TestClient, inputs: list[dict[str, Any]], rest: bytes) -> None:
    text = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
    check(client, text + rest, {LENGTH: str(len(text))})


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    keys: list[Any] = []
    if isinstance(value, dict):
        keys = list(value)
    elif isinstance(value, list):
        keys = list(range(len(value)))
    return [at, *(path for key in keys for path in paths(value[key], (*at, key)))]


@MANY
@given(st.data())
def test_one_value_of_a_good_request_replaced(client: TestClient, data: st.DataObject) -> None:
    body, headers = data.draw(st.sampled_from(GOOD))
    length = int(headers[LENGTH])
    words = json.loads(body[:length])
    path = data.draw(st.sampled_from(paths(words)[1:]))
    place = words
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = data.draw(values)
    text = json.dumps(words).encode()
    check(client, text + body[length:], {LENGTH: str(len(text))})


@MANY
@given(st.data())
def test_one_byte_of_a_good_request_replaced_or_the_end_cut(
    client: TestClient, data: st.DataObject
) -> None:
    body, headers = data.draw(st.sampled_from(GOOD))
    at = data.draw(st.integers(0, len(body) - 1))
    byte = data.draw(st.integers(0, 255))
    is_cut = data.draw(st.booleans())
    check(client, body[:at] if is_cut else body[:at] + bytes([byte]) + body[at + 1 :], headers)
