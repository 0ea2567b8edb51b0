"""Each image of a request is one job, in one queue with everything else."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from server.app import create_app
from server.scheduling.cost import GraphCost
from server.service import Service
from tests.server.kserve.tensors_sent import URL, of_files, of_pixels, read
from tests.server.scheduling.engines import fussy_model
from tests.server.scheduling.simulation import DEVICE, Fixed
from tests.server.serving import (
    Gate,
    config_for,
    encoded,
    gated_model,
    plain,
    wait_until,
    wait_until_loaded,
)

GREY = encoded(plain(8, 8, (40, 40, 40)))


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


def waiting(service: Service, count: int) -> None:
    """Until so many jobs wait."""
    wait_until(lambda: service.open_model().worker.num_waiting == count)


def square(side: int, *, next_: bool = False, **fields: Any) -> tuple[bytes, dict[str, str]]:
    """A request for one grey image of this size, or for a pair."""
    file = encoded(plain(side, side, (40, 40, 40)))
    return of_files([file], [file] if next_ else None, **fields)


def test_images_of_both_protocols_share_a_batch_whatever_their_size(
    folder: Path, gate: Gate, pool: ThreadPoolExecutor
) -> None:
    model, engine = fussy_model(folder)

    def wait() -> bool:
        gate.entered.set()
        return gate.open.wait(10)

    engine.before = wait
    gate.open.set()  # while it loads
    service = Service(config_for(folder, max_batch_wait_s=0.0), load=lambda: model)
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        worker = service.open_model().worker
        worker.engine.cost.graphs = {"frame": Fixed(DEVICE), "flow": Fixed(DEVICE)}
        gate.open.clear()
        gate.entered.clear()
        engine.batches.clear()
        first = pool.submit(client.post, "/v1/predict", content=GREY)
        assert gate.entered.wait(10)
        pixels = np.stack([plain(30, 20, (level, level, level)) for level in (24, 48, 72)])
        body, headers = of_pixels(pixels)
        three = pool.submit(client.post, URL, content=body, headers=headers)
        waiting(service, 3)
        one = pool.submit(client.post, "/v1/predict", content=GREY)
        waiting(service, 4)
        body, headers = square(5)
        small = pool.submit(client.post, URL, content=body, headers=headers)
        waiting(service, 5)
        gate.open.set()
        assert (first.result(10).status_code, one.result(10).status_code) == (200, 200)
        _, maps = read(three.result(10).content, three.result().headers)
        np.testing.assert_array_equal(maps["labels"][:, 29, 19], [1, 2, 3])
        _, maps = read(small.result(10).content, small.result().headers)
        np.testing.assert_array_equal(maps["depth"], np.full((1, 5, 5), 40))
        assert engine.batches == [1, 5]
        stats = client.get("/v2/models/toy/stats").json()["model_stats"][0]
    assert (stats["inference_count"], stats["execution_count"]) == (6, 2)
    sizes = [(one["batch_size"], one["compute_infer"]["count"]) for one in stats["batch_stats"]]
    assert sizes == [(1, 1), (5, 1)]
    assert stats["inference_stats"]["success"]["count"] == 4


@pytest.mark.parametrize(
    ("priorities", "order"),
    [((2, 1), [4, 3]), ((2, 0), [4, 3]), ((1, 2), [3, 4]), ((0, 1), [3, 4]), ((2, 2), [3, 4])],
)
def test_priority_two_waits_while_others_are_in_a_hurry(
    folder: Path,
    gate: Gate,
    pool: ThreadPoolExecutor,
    priorities: tuple[int, int],
    order: list[int],
) -> None:
    config = config_for(folder, max_batch=1, max_parallel=1, aging_s=60.0)
    service = Service(config, load=lambda: gated_model(folder, gate))
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        asked = [pool.submit(client.post, "/v1/predict", content=GREY)]
        assert gate.entered.wait(10)
        for count, (side, priority) in enumerate(zip((3, 4), priorities, strict=True), start=1):
            body, headers = square(side, parameters={"priority": priority})
            asked.append(pool.submit(client.post, URL, content=body, headers=headers))
            waiting(service, count)
        gate.open.set()
        assert {one.result(10).status_code for one in asked} == {200}
    assert gate.sizes == [(8, 8), *((side, side) for side in order)]


def test_the_second_image_is_not_computed_where_nobody_asks_for_flow(folder: Path) -> None:
    model, engine = fussy_model(folder)
    service = Service(config_for(folder), load=lambda: model)
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        for output, num_images in (("labels", 1), ("flow", 2)):
            engine.batches.clear()
            body, headers = square(7, next_=True, outputs=[{"name": output}])
            assert client.post(URL, content=body, headers=headers).status_code == 200
            assert sum(engine.batches) == num_images


def test_a_batch_that_cannot_be_answered_in_time_is_429_before_it_is_decoded(
    folder: Path, gate: Gate, pool: ThreadPoolExecutor
) -> None:
    service = Service(
        config_for(folder, max_batch=1, max_parallel=1), load=lambda: gated_model(folder, gate)
    )
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        worker = service.open_model().worker
        slow = Fixed(GraphCost(s_per_mpx=0.0, s_per_image=15.0, s_per_call=0.0))
        worker.engine.cost.graphs = {"frame": slow, "flow": slow}
        first = pool.submit(client.post, "/v1/predict", content=GREY)
        assert gate.entered.wait(10)
        broken = GREY[:-20]  # decoding would say 400
        body, headers = of_files([broken] * 5)
        refused = client.post(URL, content=body, headers=headers)
        assert refused.status_code == 429
        assert int(refused.headers["Retry-After"]) >= 1
        assert "which takes 75.0 s itself" in refused.json()["error"]
        body, headers = of_files([broken] * 2)
        assert client.post(URL, content=body, headers=headers).status_code == 400
        gate.open.set()
        assert first.result(10).status_code == 200
