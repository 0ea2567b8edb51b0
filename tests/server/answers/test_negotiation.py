"""Which form the client wants."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.answers.negotiation import Media, choose_media
from server.errors import NotAcceptable


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, Media.JSON),
        ("", Media.JSON),
        ("*/*", Media.JSON),
        ("application/zip", Media.ZIP),
        ("APPLICATION/ZIP; q=0.5", Media.ZIP),
        ("image/*", Media.PNG),
        ("image/jpeg, image/png;q=0.9", Media.JPEG),
        ("application/json;q=0.2, application/x-npz;q=0.7, */*;q=0.1", Media.NPZ),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Media.JSON),
        ("*/*, application/json;q=0", Media.ZIP),
        ("image/*;q=0.5, image/png;q=0.1", Media.JPEG),
        ("application/zip;q=nonsense, image/png;q=0.1", Media.PNG),
        ("multipart/mixed", Media.MULTIPART),
        ("multipart/*", Media.MULTIPART),
        # Of equal weight: the one that is named, then ours.
        ("*/*, application/x-npz", Media.NPZ),
        ("image/png, image/jpeg, application/*", Media.PNG),
        ("image/jpeg, application/zip", Media.ZIP),
        ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", Media.JPEG),  # Java's own
        # The most specific range counts, whatever stands first and whatever weighs more.
        ("application/*;q=0, application/zip;q=0.001, image/png;q=0", Media.ZIP),
        ("application/json;q=0, application/*;q=0.3, multipart/mixed;q=0.2", Media.ZIP),
        ("*/*;q=0.1, image/*;q=0", Media.JSON),
        # Parameters: ours, or another form's.
        ("application/json;charset=utf-8", Media.JSON),
        ('application/json; Charset="UTF-8"; q=0.9, image/png;q=0.8', Media.JSON),
        ("application/json;charset=utf-16, image/png;q=0.1", Media.PNG),
        (
            "application/json;charset=utf-8;q=0.1, application/json;q=0.9, image/png;q=0.5",
            Media.PNG,
        ),
        ("image/png;q=0.5;level=1, image/jpeg;q=0.1", Media.JPEG),
        # Commas, semicolons and quotes inside of quotes.
        (r'text/html;title="a, image/png;q=1, \", image/png", image/jpeg', Media.JPEG),
        (",, ,image/png,", Media.PNG),
        ("image/png;q=1.000", Media.PNG),
        ("image/png;;q=0.4;, image/jpeg;q=0.5", Media.JPEG),
    ],
)
def test_the_clients_weights_decide(accept: str | None, expected: Media) -> None:
    assert choose_media(accept) is expected


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "image/webp",
        "*/*;q=0",
        "nonsense",
        "image/png;q=0.0",
        "image/png;q=-1",
        "image/png;q=nan",
        "image/png;q=",
        "image/png;q=.",
        "application/json;charset=latin-1",
        '"*/*"',
    ],
)
def test_what_we_do_not_write_is_refused(accept: str) -> None:
    with pytest.raises(NotAcceptable, match="expected one of application/json, application/zip"):
        choose_media(accept)


def test_a_header_of_any_length_is_read_in_one_go() -> None:
    with pytest.raises(NotAcceptable, match="Accept is 60000 characters long, expected at most"):
        choose_media('"\\' * 30_000)


@given(st.text(alphabet='*/,;q=01.5 "\\abimagepn-', max_size=60))
def test_no_header_breaks_the_parser(accept: str) -> None:
    try:
        media = choose_media(accept)
    except NotAcceptable:
        return
    assert media in Media


weights = st.dictionaries(st.sampled_from(list(Media)), st.integers(0, 1000), min_size=1)


@settings(max_examples=50)
@given(weights)
def test_among_named_forms_the_heaviest_wins(weights: dict[Media, int]) -> None:
    accept = ", ".join(f"{media};q={weight / 1000:.3f}" for media, weight in weights.items())
    heaviest = max(weights.values())
    if heaviest == 0:
        with pytest.raises(NotAcceptable):
            choose_media(accept)
    else:
        expected = [media for media in Media if weights.get(media) == heaviest][0]
        assert choose_media(accept) is expected
