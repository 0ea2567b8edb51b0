"""The JSON of an answer with maps."""

from pydantic import BaseModel


class ResponseOutput(BaseModel):
    """One map. Its numbers stand in `data`, or follow the JSON."""

    name: str
    datatype: str
    shape: list[int]
    parameters: dict[str, bool | int | float | str] = {}
    """binary_data_size if it follows the JSON; unit and convention of its numbers."""
    data: list[int | float | None] | None = None
    """Row-major. null: no value."""


class InferResponse(BaseModel):
    """Maps, in the order that they were asked for."""

    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[ResponseOutput]
