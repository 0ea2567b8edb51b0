"""Sections as one HTML file: style and pictures inside, no script, nothing fetched."""

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from training.report_html.blocks import Section
from training.report_html.contents import Contents
from training.report_html.sections.depth import depth
from training.report_html.sections.flow import flow
from training.report_html.sections.left_out import left_out
from training.report_html.sections.recipe import recipe
from training.report_html.sections.scores import scores
from training.report_html.sections.segmentation import segmentation
from training.report_html.sections.summary import summary
from training.report_html.sections.temporal import temporal
from training.report_html.sections.training_curves import training_curves
from training.report_html.sections.uncertainty import uncertainty

TEMPLATES = Path(__file__).parent / "templates"


def make_sections(contents: Contents) -> list[Section]:
    """All of them, in reading order; one with nothing to show says why."""
    return [
        summary(contents),
        training_curves(contents),
        scores(contents),
        segmentation(contents),
        temporal(contents),
        flow(contents),
        depth(contents),
        uncertainty(contents),
        recipe(contents),
        left_out(contents),
    ]


def render(contents: Contents) -> str:
    """The whole file."""
    return render_sections(contents.name, contents.made_at, make_sections(contents))


def render_sections(name: str, made_at: str, sections: Sequence[Section]) -> str:
    """Sections under a title; every text is escaped."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = Markup((TEMPLATES / "style.css").read_text(encoding="utf-8"))
    return environment.get_template("page.html").render(
        name=name, made_at=made_at, style=style, sections=sections
    )
