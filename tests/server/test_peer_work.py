"""The comparison with other servers is fair only while they do what ours does."""

import io
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from server.bench.pictures import draw, encode
from tests.benchmarks.peers.work import BUNDLE, ENGINE, THREADS, Work

NPZ = {"Accept": "application/x-npz", "Content-Type": "image/jpeg"}


@pytest.fixture
def work(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Work:
    monkeypatch.setenv(BUNDLE, str(folder))
    monkeypatch.setenv(ENGINE, "onnxruntime")
    monkeypatch.setenv(THREADS, "1")
    return Work()


def test_a_peer_answers_with_the_bytes_that_our_server_answers_with(
    work: Work, client: TestClient
) -> None:
    data = encode(draw(np.random.default_rng(0), (33, 47)), "jpeg").data
    url = "/v1/predict?tasks=segmentation,depth"
    assert work.whole(data) == client.post(url, content=data, headers=NPZ).content


def test_a_batch_of_a_peer_has_each_images_own_answer(work: Work) -> None:
    rng = np.random.default_rng(0)
    files = [encode(draw(rng, size), "jpeg").data for size in ((20, 30), (8, 9), (20, 30))]
    images = [work.decode(data) for data in files]
    for data, image, maps in zip(files, images, work.infer_many(images), strict=True):
        together, alone = (
            np.load(io.BytesIO(body)) for body in (work.encode(image, maps), work.whole(data))
        )
        np.testing.assert_array_equal(together["labels"], alone["labels"])
        np.testing.assert_allclose(together["depth"], alone["depth"], rtol=1e-5)
