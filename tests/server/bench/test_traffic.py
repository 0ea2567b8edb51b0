import io
import json
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.task import Task
from server.bench.load import Leaving, arrivals
from server.bench.surfaces import frame_call, kserve_call, predict_call
from server.bench.traffic import Mix, SizeRange, make_deck, parse_sizes, parse_tasks
from server.errors import Unusable
from tests.server.serving import encoded, plain

SMALL = [SizeRange(least=(4, 6), most=(4, 6))]


@pytest.mark.parametrize("text", ["", "4", "4x", "0x4", "4x4..3x9", "4x4x4", "axb"])
def test_a_size_that_is_none_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(Unusable, match=r"expected HxW or HxW\.\.HxW, like 64x64\.\.1080x1920"):
        parse_sizes(text)


def test_tasks_are_joined_by_plus_and_all_leaves_them_open() -> None:
    assert parse_tasks("depth+flow") == (Task.DEPTH, Task.FLOW)
    assert parse_tasks("all") is None
    with pytest.raises(Unusable, match="tasks is 'deep'"):
        parse_tasks("deep")


def test_the_same_seed_makes_the_same_deck() -> None:
    mix = Mix(
        sizes=[parse_sizes("1x1..40x60")],
        formats=("jpeg", "png", "webp"),
        answers=("zip", "npz"),
        pairs=0.5,
    )
    deck = make_deck(mix, num_shots=24, seed=3)
    assert deck == make_deck(mix, num_shots=24, seed=3)
    assert deck != make_deck(mix, num_shots=24, seed=4)
    assert {shot.picture.media_type for shot in deck} == {"image/jpeg", "image/png", "image/webp"}
    for shot in deck:
        image = Image.open(io.BytesIO(shot.picture.data))
        assert (image.height, image.width) == shot.picture.size
        height, width = shot.picture.size
        assert 1 <= height <= 40
        assert 1 <= width <= 60


def test_flow_asked_for_brings_a_second_image() -> None:
    mix = Mix(sizes=SMALL, formats=("png",), tasks=[(Task.FLOW,)])
    (shot,) = make_deck(mix, num_shots=1, seed=0)
    assert shot.next_picture is not None
    assert shot.num_pixels == 2 * 4 * 6
    first, second = (
        np.asarray(Image.open(io.BytesIO(p.data))) for p in (shot.picture, shot.next_picture)
    )
    np.testing.assert_array_equal(second, np.roll(first, 3, axis=1))


def test_a_folder_of_images_takes_the_place_of_drawn_ones(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded(plain(3, 5, (1, 2, 3))))
    (tmp_path / "b.txt").write_text("not an image")
    (tmp_path / "c").mkdir()
    (tmp_path / "d.jpg").write_bytes(encoded(plain(7, 2, (1, 2, 3)), "JPEG"))
    deck = make_deck(Mix(sizes=SMALL, folder=tmp_path), num_shots=3, seed=0)
    assert [shot.picture.size for shot in deck] == [(3, 5), (7, 2), (3, 5)]
    assert [shot.picture.media_type for shot in deck[:2]] == ["image/png", "image/jpeg"]


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="holds no JPEG, PNG or WebP file"):
        make_deck(Mix(sizes=SMALL, folder=tmp_path), num_shots=1, seed=0)


def test_one_image_is_the_body_and_a_pair_is_a_form() -> None:
    mix = Mix(sizes=SMALL, formats=("png",), tasks=[(Task.DEPTH,)], answers=("npz",))
    (single,) = make_deck(mix, num_shots=1, seed=0)
    call = predict_call(single)
    assert call.path == "/v1/predict?tasks=depth"
    assert call.body == single.picture.data
    assert call.headers == {"Content-Type": "image/png", "Accept": "application/x-npz"}
    (pair,) = make_deck(Mix(sizes=SMALL, formats=("png",), pairs=1.0), num_shots=1, seed=0)
    assert pair.next_picture is not None
    call = predict_call(pair)
    form = message_from_bytes(
        f"Content-Type: {call.headers['Content-Type']}\r\n\r\n".encode() + call.body
    )
    parts = form.get_payload()
    assert isinstance(parts, list)
    assert all(isinstance(part, Message) for part in parts)
    messages = [part for part in parts if isinstance(part, Message)]
    names = [part.get_param("name", header="content-disposition") for part in messages]
    assert names == ["image", "next_image"]
    bodies = [part.get_payload(decode=True) for part in messages]
    assert bodies == [pair.picture.data, pair.next_picture.data]


def test_a_frame_goes_to_its_stream() -> None:
    (shot,) = make_deck(Mix(sizes=SMALL), num_shots=1, seed=0)
    assert frame_call(shot, "abc").path == "/v1/streams/abc/frames"


def test_a_kserve_request_says_how_long_its_json_and_each_tensor_are() -> None:
    mix = Mix(sizes=SMALL, formats=("png",), tasks=[(Task.FLOW,)])
    (shot,) = make_deck(mix, num_shots=1, seed=0)
    assert shot.next_picture is not None
    call = kserve_call(shot, "street")
    length = int(call.headers["Inference-Header-Content-Length"])
    head, tail = json.loads(call.body[:length]), call.body[length:]
    assert call.path == "/v2/models/street/infer"
    assert [tensor["name"] for tensor in head["inputs"]] == ["image", "next_image"]
    assert [tensor["shape"] for tensor in head["inputs"]] == [[1], [1]]
    sizes = [tensor["parameters"]["binary_data_size"] for tensor in head["inputs"]]
    assert sum(sizes) == len(tail)
    assert int.from_bytes(tail[:4], "little") == len(shot.picture.data)
    assert tail[4 : sizes[0]] == shot.picture.data
    assert [tensor["name"] for tensor in head["outputs"]] == ["flow"]


def test_arrivals_come_at_their_rate_in_order_and_end() -> None:
    times = list(arrivals(np.random.default_rng(0), rate=50.0, duration_s=100.0))
    assert times == sorted(times)
    assert times[-1] < 100
    assert len(times) == pytest.approx(5000, abs=5 * 5000**0.5)  # Poisson: five sigma


def test_a_share_of_the_clients_leaves_within_the_time() -> None:
    rng = np.random.default_rng(0)
    drawn = [Leaving(share=0.25, within_s=2.0).draw(rng) for _ in range(4000)]
    left = [after_s for after_s in drawn if after_s is not None]
    assert len(left) == pytest.approx(1000, abs=150)
    assert 0 <= min(left) < max(left) <= 2
