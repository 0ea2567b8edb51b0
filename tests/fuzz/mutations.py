"""What may happen to bytes on their way: for hypothesis, where atheris is not installed."""

from collections.abc import Sequence

from hypothesis import strategies as st

Change = tuple[str, float, int]
"""What, where as a share of the length, and a number."""

place = st.floats(0, 1, exclude_max=True)
flip = st.tuples(st.just("set"), place, st.integers(0, 255))
cut = st.tuples(st.just("cut"), place, st.integers(1, 40))
twice = st.tuples(st.just("twice"), place, st.integers(1, 40))
splice = st.tuples(st.just("splice"), place, st.integers(0, 1000))
changes = st.lists(st.one_of(flip, cut, twice, splice), min_size=1, max_size=4)


def mutated(data: bytes, wanted: Sequence[Change], others: Sequence[bytes]) -> bytes:
    """The bytes after all of it; a splice goes on with one of the others."""
    for what, share, number in wanted:
        at = int(share * len(data))
        if what == "set":
            data = data[:at] + bytes([number]) + data[at + 1 :]
        elif what == "cut":
            data = data[:at] + data[at + number :]
        elif what == "twice":
            data = data[: at + number] + data[at:]
        else:
            other = others[number % len(others)]
            data = data[:at] + other[int(share * len(other)) :]
    return data
