"""How many streams, whose, and which one goes. The clock is a number."""

import weakref
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.runtime.protocol import Features
from server.errors import StreamGone, StreamUnknown, TooManyPixels
from server.streams.stream import LastFrame, Restart
from server.streams.table import StreamTable, room_for_streams


class Model:
    """Stands for what made the features."""


MODEL = Model()


def table(**changes: Any) -> StreamTable:
    settings: dict[str, Any] = {"max_streams": 3, "max_bytes": 1000, "idle_s": 60.0}
    return StreamTable(**(settings | changes))


def frame(num_bytes: int, size: tuple[int, int] = (4, 4), model: Model = MODEL) -> LastFrame:
    levels = {"4": np.zeros(num_bytes, dtype=np.uint8)}
    return LastFrame(features=Features(levels=levels), size=size, model=weakref.ref(model))


def test_a_stream_is_found_by_its_owner_alone() -> None:
    streams = table()
    stream = streams.open(owner="a", model=None, now_s=0.0)
    assert streams.find(stream.id, owner="a", now_s=1.0) is stream
    for owner in ("b", ""):
        with pytest.raises(StreamUnknown):
            streams.find(stream.id, owner=owner, now_s=1.0)
    streams.close(stream)
    with pytest.raises(StreamGone, match=r"was closed: start again with POST /v1/streams"):
        streams.find(stream.id, owner="a", now_s=1.0)
    with pytest.raises(StreamUnknown):  # that it was there is nobody else's business either
        streams.find(stream.id, owner="b", now_s=1.0)


def test_an_idle_stream_expires_and_use_keeps_it_alive() -> None:
    ends: list[str] = []
    streams = table(on_end=ends.append)
    stream = streams.open(owner="a", model=None, now_s=0.0)
    streams.use(stream, now_s=50.0)
    assert streams.find(stream.id, owner="a", now_s=109.0) is stream  # looking is no use
    with pytest.raises(StreamGone, match="no frame for 60 s and expired"):
        streams.find(stream.id, owner="a", now_s=110.0)
    assert (len(streams), ends) == (0, ["expired"])


def test_a_stream_with_a_frame_on_its_way_does_not_expire() -> None:
    streams = table()
    stream = streams.open(owner="a", model=None, now_s=0.0)
    with stream.turns.enter():
        streams.expire(now_s=1000.0)
        assert stream.is_open
    streams.expire(now_s=1000.0)
    assert not stream.is_open


def test_beyond_the_number_the_longest_unused_goes() -> None:
    streams = table()
    first, second, third = (streams.open(owner="a", model=None, now_s=float(n)) for n in range(3))
    streams.use(first, now_s=3.0)
    fourth = streams.open(owner="a", model=None, now_s=4.0)
    assert [s.is_open for s in (first, second, third, fourth)] == [True, False, True, True]
    with pytest.raises(StreamGone, match="made room for newer ones"):
        streams.find(second.id, owner="a", now_s=4.0)


def test_whoever_holds_most_makes_the_room() -> None:
    streams = table()
    lonely = streams.open(owner="b", model=None, now_s=0.0)
    greedy = [streams.open(owner="a", model=None, now_s=float(n)) for n in range(1, 9)]
    assert lonely.is_open
    assert [s.is_open for s in greedy] == [False] * 6 + [True] * 2


def test_features_are_bounded_by_the_longest_unused_of_the_largest_owner() -> None:
    streams = table()
    first, second, third = (streams.open(owner="a", model=None, now_s=0.0) for _ in range(3))
    for stream in (first, second):
        streams.keep(stream, frame(400), now_s=1.0)
    streams.keep(first, frame(400), now_s=2.0)  # takes the place of its own, and is used
    assert streams.num_bytes == 800
    streams.keep(third, frame(400), now_s=3.0)
    assert [s.is_open for s in (first, second, third)] == [True, False, True]
    assert streams.num_bytes == 800


def test_one_frame_that_is_larger_than_all_room_is_refused_and_evicts_nobody() -> None:
    streams = table()
    first, second = (streams.open(owner="a", model=None, now_s=0.0) for _ in range(2))
    streams.keep(first, frame(900), now_s=1.0)
    with pytest.raises(TooManyPixels, match="send smaller frames"):
        streams.keep(second, frame(1001), now_s=2.0)
    assert first.is_open
    assert streams.num_bytes == 900


def test_a_stream_that_is_gone_keeps_nothing() -> None:
    streams = table()
    stream = streams.open(owner="a", model=None, now_s=0.0)
    streams.close(stream)
    streams.keep(stream, frame(400), now_s=1.0)
    assert (streams.num_bytes, stream.num_bytes, stream.num_frames) == (0, 0, 0)


def test_flow_starts_again_with_another_size_or_model() -> None:
    streams = table()
    stream = streams.open(owner="a", model=None, now_s=0.0)
    assert stream.start_for((4, 4), MODEL).restart is Restart.FIRST_FRAME
    streams.keep(stream, frame(16), now_s=1.0)
    start = stream.start_for((4, 4), MODEL)
    assert start.restart is None
    assert start.features is not None
    assert stream.start_for((4, 5), MODEL).restart is Restart.SIZE_CHANGED
    assert stream.start_for((4, 4), Model()).restart is Restart.MODEL_CHANGED


def test_a_stream_does_not_keep_a_model_that_was_replaced() -> None:
    streams = table()
    stream = streams.open(owner="a", model=None, now_s=0.0)
    old = Model()
    streams.keep(stream, frame(16, model=old), now_s=1.0)
    alive = weakref.ref(old)
    del old
    assert alive() is None
    assert stream.start_for((4, 4), MODEL).restart is Restart.MODEL_CHANGED


STEP = st.tuples(
    st.sampled_from(["open", "keep", "close"]),
    st.sampled_from("abc"),
    st.integers(0, 5),
    st.integers(1, 1000),
)


@given(st.lists(STEP, max_size=60))
def test_number_and_bytes_hold_whatever_happens(steps: list[tuple[str, str, int, int]]) -> None:
    streams = table()
    known: list[Any] = []
    for now, (what, owner, index, num_bytes) in enumerate(steps):
        now_s = float(now)
        if what == "open":
            known.append(streams.open(owner=owner, model=None, now_s=now_s))
        elif known:
            stream = known[index % len(known)]
            if what == "keep":
                streams.keep(stream, frame(num_bytes), now_s=now_s)
            else:
                streams.close(stream)
        assert len(streams) == sum(s.is_open for s in known) <= 3
        assert streams.num_bytes == sum(s.num_bytes for s in known) <= 1000


def test_streams_leave_room_for_images() -> None:
    assert room_for_streams(4.0 * 2**30) == 2**29
    assert room_for_streams(64.0 * 2**30) == 2 * 2**30
    assert room_for_streams(float("inf")) == 2 * 2**30
