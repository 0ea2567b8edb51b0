"""GET /: a page to try the model on. Three files, nothing from elsewhere, works offline."""

from pathlib import Path

from fastapi import APIRouter, Response

router = APIRouter(include_in_schema=False)

FOLDER = Path(__file__).parent.parent / "playground"
FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/app.js": ("app.js", "text/javascript; charset=utf-8"),
    "/live.js": ("live.js", "text/javascript; charset=utf-8"),
    "/style.css": ("style.css", "text/css; charset=utf-8"),
}
# Pictures are made in the page (blob:, data:); everything else is ours.
POLICY = "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; base-uri 'none'"


def _answer(path: str) -> Response:
    name, kind = FILES[path]
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
    return Response((FOLDER / name).read_bytes(), headers=headers, media_type=kind)


@router.get("/")
def page() -> Response:
    """The page."""
    return _answer("/")


@router.get("/app.js")
def script() -> Response:
    """Its script."""
    return _answer("/app.js")


@router.get("/style.css")
def style() -> Response:
    """Its looks."""
    return _answer("/style.css")


@router.get("/live.js")
def live() -> Response:
    """Its video."""
    return _answer("/live.js")
