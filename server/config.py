"""Every setting of the server: flags, then ANYRES_* variables, then the defaults here."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
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

    inflate_bodies: bool = False
    """Take bodies with Content-Encoding: gzip. max_body_bytes then counts what comes out."""

    head_timeout_s: float = Field(default=10.0, gt=0)
    """A request line and headers that have not arrived by then are answered 408."""

    max_head_bytes: int = Field(default=16 * 2**10, ge=1024)
    """Of a request line and headers. More are answered 431."""

    keep_alive_s: float = Field(default=15.0, gt=0)
    """A connection without a request is closed after so long. Longer than that of a load balancer
    in front, or it may send a request into a connection that is just being closed."""

    send_timeout_s: float = Field(default=60.0, gt=0)
    """A client that has not taken its answer by then is cut off."""

    max_connections: int = Field(default=500, ge=1)
    """At once. Beyond, the one that has been longest without a whole request makes room."""

    max_arriving_bytes: int = Field(default=512 * 2**20, gt=0)
    """Of bodies that are still arriving, all together. More are answered 429."""

    max_unsent_bytes: int = Field(default=512 * 2**20, gt=0)
    """Of answers that clients have not taken yet. Beyond, the slowest client is cut off."""

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

    api_keys: SecretStr = SecretStr("")
    """name:secret pairs, parted by commas; none lets everybody in. In the environment rather than
    as a flag, which other users of the machine can read."""

    api_keys_file: Path | None = None
    """One name:secret in a line, behind it perhaps requests_per_s=5 mpx_per_s=20."""

    open_health: bool = True
    """Whether the health probes work without a key."""

    open_metrics: bool = False
    """Whether /metrics works without a key."""

    requests_per_s: float = Field(default=0.0, ge=0)
    """Of each key, or of everybody together where there are no keys; a frame of a WebSocket counts
    as one. More are answered 429. 0 is no limit."""

    mpx_per_s: float = Field(default=0.0, ge=0)
    """Millions of pixels per second, in the same way."""

    burst_s: float = Field(default=10.0, gt=0)
    """So many seconds' worth of both may come at once."""

    max_frame_bytes: int = Field(default=16 * 2**20, gt=0)
    """Largest message of a WebSocket; a larger one ends its connection."""

    max_streams: int = Field(default=64, ge=1)
    """Videos at once. Beyond, whoever has most loses the one that was unused for longest."""

    max_stream_bytes: int = Field(default=2 * 2**30, gt=0)
    """Of the features that all streams keep. Beyond, in the same way."""

    stream_idle_s: float = Field(default=60.0, gt=0)
    """A stream without a frame for so long expires."""

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
