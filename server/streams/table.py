"""All streams: how many, how large, whose, and which one goes when it gets crowded."""

import secrets
from collections import OrderedDict
from collections.abc import Callable

from server.errors import StreamGone, StreamUnknown, TooManyPixels
from server.streams.stream import LastFrame, Stream

MAX_REMEMBERED = 10_000  # streams that are gone, to say why
SHARE = 1 / 8
"""Of all memory. The engine needs fifty times as much for a frame as its features take."""
MAX_ROOM_BYTES = 2 * 2**30


def room_for_streams(total_bytes: float) -> int:
    """Bytes that features may take on a machine with so much memory."""
    return int(min(SHARE * total_bytes, MAX_ROOM_BYTES))


class StreamTable:
    """Bounds number, bytes and idle time. For the event loop alone; times are monotonic.

    When it gets crowded, whoever holds most loses their least recently used stream: nobody can
    push out others by opening many.
    """

    def __init__(
        self,
        *,
        max_streams: int,
        max_bytes: int,
        idle_s: float,
        on_end: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._max_streams = max_streams
        self._max_bytes = max_bytes
        self.idle_s = idle_s
        self._on_end = on_end
        """Called with "evicted", "expired" or "closed"."""
        self._streams: OrderedDict[str, Stream] = OrderedDict()  # the longest unused first
        self._gone: OrderedDict[str, tuple[str, str]] = OrderedDict()  # id: owner, why

    def __len__(self) -> int:
        return len(self._streams)

    @property
    def num_bytes(self) -> int:
        """Of all features that are kept."""
        return sum(stream.num_bytes for stream in self._streams.values())

    def open(self, *, owner: str, model: str | None, now_s: float) -> Stream:
        """A new stream; somebody's oldest makes room for it."""
        self.expire(now_s=now_s)
        stream = Stream(id=secrets.token_urlsafe(12), owner=owner, model=model, now_s=now_s)
        self._streams[stream.id] = stream
        while len(self._streams) > self._max_streams:
            self._evict(lambda _: 1, spared=stream, limit=f"{self._max_streams} streams")
        return stream

    def find(self, id: str, *, owner: str, now_s: float) -> Stream:
        """The stream. Looking does not count as use.

        Raises:
            StreamUnknown: it never was, or somebody else's key opened it.
            StreamGone: it was closed, idle for too long, or made room for others.
        """
        self.expire(now_s=now_s)
        stream = self._streams.get(id)
        if stream is not None and stream.owner == owner:
            return stream
        whose, why = self._gone.get(id, (None, ""))
        if whose == owner:
            raise StreamGone(f"{why}: start again with POST /v1/streams")
        raise StreamUnknown(
            f"there is no stream {id!r:.80}, or another key opened it: POST /v1/streams starts one"
        )

    def use(self, stream: Stream, *, now_s: float) -> None:
        """A frame has come, or is done."""
        stream.used_s = now_s
        if stream.is_open:
            self._streams.move_to_end(stream.id)

    def keep(self, stream: Stream, last: LastFrame, *, now_s: float) -> None:
        """Let `last` be what the stream's next frame starts from. Others may go for it.

        Raises:
            TooManyPixels: it alone is more than all streams may hold.
        """
        if not stream.is_open:
            return  # its answer is still good, its memory is not ours any more
        if last.num_bytes > self._max_bytes:
            raise TooManyPixels(
                f"what flow needs of a frame of {last.size[0]}x{last.size[1]} (HxW) is "
                f"{last.num_bytes / 2**20:.1f} MiB, this server keeps at most "
                f"{self._max_bytes / 2**20:.1f} MiB for all streams: send smaller frames"
            )
        stream.last = last
        stream.num_frames += 1
        self.use(stream, now_s=now_s)
        while self.num_bytes > self._max_bytes:
            self._evict(
                lambda other: other.num_bytes,
                spared=stream,
                limit=f"{self._max_bytes / 2**20:.0f} MiB of features",
            )

    def close(self, stream: Stream) -> None:
        """The client has no more frames. Again does nothing."""
        if stream.is_open:
            self._end(stream, "closed", "the stream was closed")

    def expire(self, *, now_s: float) -> None:
        """End every stream that has been idle for too long. One with a frame on its way is not."""
        for stream in list(self._streams.values()):
            if now_s - stream.used_s >= self.idle_s and not len(stream.turns):
                self._end(
                    stream, "expired", f"the stream had no frame for {self.idle_s:g} s and expired"
                )

    def _evict(self, weight: Callable[[Stream], int], *, spared: Stream, limit: str) -> None:
        owners: dict[str, int] = {}
        for stream in self._streams.values():
            owners[stream.owner] = owners.get(stream.owner, 0) + weight(stream)
        candidates = [s for s in self._streams.values() if s is not spared and weight(s)]
        # Of those who hold most; rather an idle one; and then the longest unused: `max` takes the
        # first of equals, and that is how the table is ordered.
        victim = max(candidates, key=lambda s: (owners[s.owner], not len(s.turns)))
        self._end(
            victim, "evicted", f"the stream made room for newer ones (at most {limit} are kept)"
        )

    def _end(self, stream: Stream, reason: str, sentence: str) -> None:
        del self._streams[stream.id]
        stream.last = None
        stream.ended.set()
        self._gone[stream.id] = (stream.owner, sentence)
        while len(self._gone) > MAX_REMEMBERED:
            self._gone.popitem(last=False)
        self._on_end(reason)
