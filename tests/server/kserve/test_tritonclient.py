"""The client that most callers of /v2 use, against a real port."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.http as sync
import tritonclient.http.aio as aio
from numpy.typing import NDArray
from tritonclient.utils import InferenceServerException

from server.service import Service
from tests.server.serving import config_for, encoded, listening, plain

FIRST = plain(6, 10, (10, 20, 30))  # mean 20: label 0, depth 20
SECOND = plain(6, 10, (13, 18, 30))  # flow (3, -2)
BRIGHT = plain(6, 10, (72, 72, 72))  # label 3, depth 72
MAPS = ("labels", "label_confidence", "depth", "depth_uncertainty", "flow", "flow_uncertainty")


@pytest.fixture(scope="module")
def port(folder: Path) -> Iterator[int]:
    with listening(Service(config_for(folder, inflate_bodies=True))) as port:
        yield port


@pytest.fixture
def client(port: int) -> Iterator[sync.InferenceServerClient]:
    with sync.InferenceServerClient(f"127.0.0.1:{port}") as client:
        yield client


def files(name: str, *images: NDArray[np.uint8]) -> sync.InferInput:
    tensor = sync.InferInput(name, [len(images)], "BYTES")
    tensor.set_data_from_numpy(np.array([encoded(image) for image in images], dtype=np.object_))
    return tensor


def pixels(name: str, *images: NDArray[np.uint8], binary: bool = True) -> sync.InferInput:
    batch = np.stack(images)
    tensor = sync.InferInput(name, list(batch.shape), "UINT8")
    tensor.set_data_from_numpy(batch, binary_data=binary)
    return tensor


def wanted(*names: str, binary: bool = True) -> list[sync.InferRequestedOutput]:
    return [sync.InferRequestedOutput(name, binary_data=binary) for name in names]


def check_pair(result: Any) -> None:
    """The six maps of FIRST and SECOND."""
    assert [output["name"] for output in result.get_response()["outputs"]] == list(MAPS)
    expected: dict[str, tuple[Any, Any]] = {
        "labels": (np.uint8, 0),
        "label_confidence": (np.float16, 20 / 255),
        "depth": (np.float32, 20),
        "depth_uncertainty": (np.float16, 2),
        "flow": (np.float32, (3, -2)),
        "flow_uncertainty": (np.float16, 0),
    }
    for name, (dtype, value) in expected.items():
        found = result.as_numpy(name)
        assert found.dtype == dtype
        assert found.shape == ((1, 6, 10, 2) if name == "flow" else (1, 6, 10))
        np.testing.assert_allclose(found, np.broadcast_to(value, found.shape), atol=1e-3)


def test_the_server_is_live_and_ready(client: sync.InferenceServerClient) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("toy")
    assert client.is_model_ready("toy", "1.0")
    assert not client.is_model_ready("toy", "2.0")
    assert not client.is_model_ready("other")


def test_metadata_and_configuration_describe_the_same_model(
    client: sync.InferenceServerClient,
) -> None:
    assert client.get_server_metadata()["name"] == "anyres"
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    metadata, config = client.get_model_metadata("toy"), client.get_model_config("toy", "1.0")
    assert (metadata["name"], metadata["versions"]) == ("toy", ["1.0"])
    inputs = [(one["name"], one["datatype"], one["shape"]) for one in metadata["inputs"]]
    assert inputs == [("image", "BYTES", [-1]), ("next_image", "BYTES", [-1])]
    outputs = {one["name"]: (one["datatype"], one["shape"]) for one in metadata["outputs"]}
    assert tuple(outputs) == MAPS
    assert outputs["flow"] == ("FP32", [-1, -1, -1, 2])
    assert outputs["depth_uncertainty"] == ("FP16", [-1, -1, -1])
    assert [one["name"] for one in config["output"]] == list(MAPS)
    assert [one["dims"] for one in config["output"]] == [shape for _, shape in outputs.values()]
    assert [one["optional"] for one in config["input"]] == [False, True]
    assert config["max_batch_size"] == 0


@pytest.mark.parametrize("make", [files, pixels])
def test_a_pair_gets_six_maps(
    client: sync.InferenceServerClient, make: Callable[..., sync.InferInput]
) -> None:
    result = client.infer("toy", [make("image", FIRST), make("next_image", SECOND)])
    check_pair(result)
    assert "id" not in result.get_response()


def test_files_and_pixels_may_be_mixed_and_inputs_come_in_any_order(
    client: sync.InferenceServerClient,
) -> None:
    inputs = [pixels("next_image", SECOND), files("image", FIRST)]
    check_pair(client.infer("toy", inputs, model_version="1.0"))


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("binary_input", [True, False])
def test_numbers_travel_as_bytes_or_as_json(
    client: sync.InferenceServerClient, binary: bool, binary_input: bool
) -> None:
    inputs = [
        pixels("image", FIRST, binary=binary_input),
        pixels("next_image", SECOND, binary=not binary_input),
    ]
    check_pair(client.infer("toy", inputs, outputs=wanted(*MAPS, binary=binary)))


def test_some_outputs_are_bytes_and_others_json_in_the_order_asked_for(
    client: sync.InferenceServerClient,
) -> None:
    outputs = wanted("depth") + wanted("labels", binary=False) + wanted("label_confidence")
    result = client.infer("toy", [files("image", BRIGHT)], outputs=outputs, request_id="ab-1")
    found = result.get_response()
    assert (found["id"], found["model_name"], found["model_version"]) == ("ab-1", "toy", "1.0")
    assert [one["name"] for one in found["outputs"]] == ["depth", "labels", "label_confidence"]
    assert ["data" in one for one in found["outputs"]] == [False, True, False]
    np.testing.assert_array_equal(result.as_numpy("labels"), np.full((1, 6, 10), 3))
    np.testing.assert_array_equal(result.as_numpy("depth"), np.full((1, 6, 10), 72.0))
    assert result.as_numpy("flow") is None


def test_a_batch_is_answered_in_its_order(client: sync.InferenceServerClient) -> None:
    result = client.infer(
        "toy",
        [files("image", FIRST, BRIGHT, FIRST), files("next_image", SECOND, BRIGHT, BRIGHT)],
        outputs=wanted("depth", "flow") + wanted("labels", binary=False),
    )
    assert result.as_numpy("depth").shape == (3, 6, 10)
    np.testing.assert_array_equal(result.as_numpy("depth")[:, 0, 0], [20, 72, 20])
    np.testing.assert_array_equal(result.as_numpy("labels")[:, 5, 9], [0, 3, 0])
    np.testing.assert_allclose(
        result.as_numpy("flow")[:, 3, 3], [[3, -2], [0, 0], [62, 52]], atol=1e-3
    )


def test_images_of_different_sizes_are_400_with_their_sizes(
    client: sync.InferenceServerClient,
) -> None:
    with pytest.raises(InferenceServerException, match=r"the images are 6x10, 6x11 \(HxW\)") as e:
        client.infer("toy", [files("image", FIRST, plain(6, 11, (0, 0, 0)))])
    assert e.value.status() == "400"


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_bodies_are_compressed_both_ways(
    client: sync.InferenceServerClient, algorithm: str
) -> None:
    wide = plain(100, 100, (72, 72, 72))
    result = client.infer(
        "toy",
        [pixels("image", wide)],
        outputs=wanted("labels"),
        request_compression_algorithm=algorithm,
        response_compression_algorithm=algorithm,
    )
    np.testing.assert_array_equal(result.as_numpy("labels"), np.full((1, 100, 100), 3))


@pytest.mark.parametrize(
    ("inputs", "options", "status", "sentence"),
    [
        (
            [files("image", FIRST)],
            {"model_version": "7"},
            "404",
            "model is 'toy@7', served are toy",
        ),
        ([files("next_image", FIRST)], {}, "400", "inputs has no image"),
        ([files("photo", FIRST)], {}, "400", "inputs.0.name is 'photo'"),
        ([files("image", FIRST)] * 2, {}, "400", "inputs has image more than once"),
        ([files("image", FIRST)], {"outputs": wanted("flow")}, "400", "send the input next_image"),
        ([files("image", FIRST)], {"outputs": wanted("pose")}, "400", "outputs.0.name is 'pose'"),
        ([files("image", FIRST)], {"outputs": wanted("depth", "depth")}, "400", "more than once"),
        ([files("image", FIRST)], {"priority": 3}, "400", "parameters.priority is 3"),
        ([files("image", FIRST)], {"sequence_id": 5}, "400", "use /v1/streams"),
        ([files("image", FIRST)], {"parameters": {"x": 1}}, "400", "parameters.x came"),
        (
            [files("image", FIRST)],
            {"outputs": [sync.InferRequestedOutput("labels", class_count=3)]},
            "400",
            "parameters.classification came: class names are for images as a whole",
        ),
    ],
)
def test_errors_raise_with_our_sentence(
    client: sync.InferenceServerClient,
    inputs: list[sync.InferInput],
    options: dict[str, Any],
    status: str,
    sentence: str,
) -> None:
    with pytest.raises(InferenceServerException) as error:
        client.infer("toy", inputs, **options)
    assert error.value.status() == status
    assert sentence in error.value.message()


def test_an_image_that_is_none_is_named_by_its_place(client: sync.InferenceServerClient) -> None:
    tensor = sync.InferInput("image", [2], "BYTES")
    tensor.set_data_from_numpy(np.array([encoded(FIRST), b"GIF89a......"], dtype=np.object_))
    with pytest.raises(InferenceServerException, match=r"image\[1\]: the image is GIF") as error:
        client.infer("toy", [tensor])
    assert error.value.status() == "415"


def test_shared_memory_is_refused_in_a_sentence(client: sync.InferenceServerClient) -> None:
    tensor = sync.InferInput("image", [1, 6, 10, 3], "UINT8")
    tensor.set_shared_memory("mine", 180)
    output = sync.InferRequestedOutput("labels")
    output.set_shared_memory("mine", 60)
    for call in (
        lambda: client.infer("toy", [tensor]),
        lambda: client.infer("toy", [files("image", FIRST)], outputs=[output]),
        lambda: client.register_system_shared_memory("mine", "/mine", 180),
        client.get_system_shared_memory_status,
        client.get_cuda_shared_memory_status,
        client.unregister_cuda_shared_memory,
    ):
        with pytest.raises(InferenceServerException, match="shared memory") as error:
            call()
        assert error.value.status() == "400"


def test_traces_and_logs_are_the_operators(client: sync.InferenceServerClient) -> None:
    for call in (
        client.get_trace_settings,
        lambda: client.get_trace_settings("toy"),
        client.get_log_settings,
    ):
        with pytest.raises(InferenceServerException, match="set up by the operator"):
            call()


def test_the_index_lists_what_is_there_and_nobody_loads_more(
    client: sync.InferenceServerClient,
) -> None:
    assert client.get_model_repository_index() == [
        {"name": "toy", "version": "1.0", "state": "READY", "reason": ""}
    ]
    for call in (client.load_model, client.unload_model):
        with pytest.raises(InferenceServerException, match="clients do not manage models") as error:
            call("toy")
        assert error.value.status() == "403"
    assert client.is_model_ready("toy")


def test_the_asynchronous_client_asks_at_the_same_time(port: int) -> None:
    async def ask() -> None:
        async with aio.InferenceServerClient(f"127.0.0.1:{port}") as client:
            assert await client.is_server_live()
            assert await client.is_server_ready()
            assert await client.is_model_ready("toy")
            assert (await client.get_model_metadata("toy"))["name"] == "toy"
            assert (await client.get_model_config("toy"))["name"] == "toy"
            assert (await client.get_inference_statistics())["model_stats"][0]["name"] == "toy"
            assert len(await client.get_model_repository_index()) == 1
            pair = [files("image", FIRST), files("next_image", SECOND)]
            algorithms = (None, "gzip", "deflate")
            results = await asyncio.gather(
                *(
                    client.infer(
                        "toy",
                        pair,
                        request_id=str(index),
                        request_compression_algorithm=algorithms[index % 3],
                        response_compression_algorithm=algorithms[index % 2],
                    )
                    for index in range(6)
                )
            )
            for index, result in enumerate(results):
                assert result.get_response()["id"] == str(index)
                check_pair(result)
            with pytest.raises(InferenceServerException, match="next_image") as error:
                await client.infer("toy", pair[:1], outputs=wanted("flow"))
            assert error.value.status() == "400"

    asyncio.run(ask())
