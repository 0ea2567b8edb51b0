"""Every setting of the server: flags, then ANYRES_* variables, then the defaults here."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

SETTINGS = SettingsConfigDict(
    env_prefix="ANYRES_",
    extra="ignore",  # ANYRES_DATA and others are not ours
    frozen=True,
    use_attribute_docstrings=True,
    cli_kebab_case=True,
    cli_avoid_json=True,
    cli_implicit_flags=True,  # --pairs, not --pairs true
    cli_hide_none_type=True,
)


class EngineConfig(BaseSettings):
    """What to run and how."""

    model_config = SETTINGS

    bundle: Path = Path("models/bundles/street")
    """Folder with a bundle.json."""

    engine: Literal["auto", "openvino", "onnxruntime"] = "auto"
    """auto takes the fastest that works, and says which and why in the log and in /v1/models."""

    precision: Literal["auto", "f32", "bf16"] = "auto"
    """auto takes bf16 where the CPU has it and the bundle was checked in it."""

    threads: int = Field(default=0, ge=0)
    """Of the engine. 0 is every core this process may use."""

    max_mpx: float = Field(default=50.0, gt=0)
    """Largest image, in millions of pixels, read from its header before anything is decoded.
    A bundle may allow less, and so may the memory that is free at the start."""


class ServerConfig(EngineConfig):
    """Serve a bundle over HTTP. Without a server: `python -m server predict --help`."""

    model_config = SettingsConfigDict(**SETTINGS, cli_prog_name="python -m server")

    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 is every network of this machine."""

    port: int = Field(default=8000, ge=0, le=65535)
    """0 takes a free one, named in the log."""

    max_body_bytes: int = Field(default=64 * 2**20, gt=0)
    """Largest request body, counted while it arrives."""

    body_timeout_s: float = Field(default=30.0, gt=0)
    """A body that has not arrived by then is answered 408."""

    timeout_s: float = Field(default=60.0, gt=0)
    """A request that is not answered by then is dropped with 504; `timeout_ms` asks for less."""

    max_queue: int = Field(default=64, ge=1)
    """Requests in the house, from the first byte of the body to the last of the answer.
    More are answered 429."""

    max_queue_bytes: int = Field(default=2**30, gt=0)
    """Request bodies in the house; one without Content-Length counts as the largest. More are
    answered 429, unless the house is empty."""

    max_queue_mpx: float = Field(default=200.0, gt=0)
    """Pixels in the house, in millions: 200 are 600 MB of decoded images. More are answered 429,
    unless the house is empty."""

    max_batch: int = Field(default=32, ge=1)
    """Requests that may share a batch. How many do, the measured costs decide; 1: none."""

    max_batch_mpx: float = Field(default=2.0, gt=0)
    """Pixels of a batch, padding included, in millions. A larger image runs alone."""

    max_batch_wait_s: float = Field(default=0.05, ge=0)
    """The first of a batch waits for company at most so long, and only while that pays."""

    aging_s: float = Field(default=2.0, ge=0)
    """Requests with priority=batch run while no interactive one waits; once one of them has waited
    so long, the two take turns."""

    max_parallel: int = Field(default=2, ge=1)
    """Batches that may run in the engine at once, each with memory of its own. More than one runs
    only while that was measured to answer a tenth more; 1: never."""

    calibrate_s: float = Field(default=2.0, ge=0)
    """First calls of the engine, before the model is ready, that teach what calls cost. 0: the
    first requests do."""

    codec_threads: int = Field(default=0, ge=0)
    """That decode, and as many that encode. 0 is one per core, at most 8."""

    drain_delay_s: float = Field(default=0.0, ge=0)
    """After SIGTERM /readyz says 503 for so long before the port closes, for load balancers."""

    drain_timeout_s: float = Field(default=30.0, ge=0)
    """Requests that run at SIGTERM have so long to finish."""

    cors_origins: tuple[str, ...] = ()
    """Web pages of these origins may call; none by default."""

    playground: bool = True
    """Whether / shows the page to try the model on."""

    log_format: Literal["text", "json"] = "text"
    """json writes one object per line."""
