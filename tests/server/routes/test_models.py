"""What is loaded, and why in that engine."""

from starlette.testclient import TestClient

from models.task import CLASS_NAMES


def test_a_model_tells_engine_precision_reason_classes_and_limits(client: TestClient) -> None:
    (model,) = client.get("/v1/models").json()["models"]
    assert (model["name"], model["version"], model["licence"]) == ("toy", "1.0", "Apache-2.0")
    assert model["engine"]["name"] == "onnxruntime"
    assert model["engine"]["precisions"] == {"frame": "f32", "flow": "f32"}
    assert "asked for" in model["engine"]["reason"]
    tasks = {task["task"]: task for task in model["tasks"]}
    assert tasks["segmentation"]["classes"] == list(CLASS_NAMES)
    assert tasks["depth"]["near_is_large"] is True
    assert tasks["flow"]["unit"] == "px"
    assert (model["max_mpx"], model["max_side_px"], model["stride"]) == (4.0, 4096, 16)
    assert model["scores"] == {"miou": 0.5}
