"""Which form the client wants."""

import pytest

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
    ],
)
def test_the_clients_weights_decide(accept: str | None, expected: Media) -> None:
    assert choose_media(accept) is expected


@pytest.mark.parametrize("accept", ["text/html", "image/webp", "*/*;q=0", "nonsense"])
def test_what_we_do_not_write_is_refused(accept: str) -> None:
    with pytest.raises(NotAcceptable, match="expected one of application/json, application/zip"):
        choose_media(accept)
