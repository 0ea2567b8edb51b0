"""Whether somebody is there, in the words of the protocol."""

from pydantic import BaseModel


class Live(BaseModel):
    """Whether waiting can help."""

    live: bool


class Ready(BaseModel):
    """Whether requests are taken."""

    ready: bool


class ModelReady(BaseModel):
    """Whether requests for this model are taken."""

    name: str
    ready: bool
