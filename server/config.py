"""Every setting of the server: flags, then ANYRES_* variables, then a file, then the defaults here.

Each class is a group. A setting is one field with the sentence that explains it: help, the listing
of `python -m server config` and the file that it writes all take it from here.
"""

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from server.settings.file import FileSource
from server.settings.values import Sizes, Words

PREFIX = "ANYRES_"
ADMIN_KEY = re.compile(r"[!-~][ -~]{14,}[!-~]")  # headers lose spaces around their values
SETTINGS = SettingsConfigDict(
    env_prefix=PREFIX,
    extra="ignore",  # ANYRES_DATA and others are not ours
    frozen=True,
    use_attribute_docstrings=True,
    cli_kebab_case=True,
    cli_avoid_json=True,
    cli_implicit_flags=True,  # --pairs, not --pairs true
    cli_hide_none_type=True,
    cli_exit_on_error=False,  # with a page of usage: server.settings.refused says it in a line
)


class EngineConfig(BaseSettings):
    """Model and engine"""

    model_config = SETTINGS

    bundle: Path = Path("models/bundles/street")
    """Folder with a bundle.json. With a model folder, served besides only if it is given."""

    engine: Literal["auto", "openvino", "onnxruntime"] = "auto"
    """auto takes the fastest that works, and says which and why in the log and in /v1/models."""

    precision: Literal["auto", "f32", "bf16"] = "auto"
    """auto takes bf16 where the CPU has it and the bundle was checked in it."""

    threads: int = Field(default=0, ge=0)
    """Of the engine. 0 is every core this process may use."""

    codec_threads: int = Field(default=0, ge=0)
    """That decode images, and as many that encode maps. 0 is one per core, at most 8."""

    max_mpx: float = Field(default=50.0, gt=0)
    """Largest image, in millions of pixels, read from its header before anything is decoded.
    A bundle may allow less, and so may the memory that is free when it comes."""

    engine_cache: Path | None = None
    """Folder for graphs that OpenVINO has compiled: the next start takes a third of the time."""


class ModelsConfig(BaseSettings):
    """Models and versions"""

    model_config = SETTINGS

    model_folder: Path | None = None
    """Holds NAME/VERSION/bundle.json or NAME/bundle.json; all of them are served, the newest
    version of each."""

    default_model: str = ""
    """Answers requests that name no model. Empty: the bundle, or the only one in the folder."""

    models: Words = ()
    """Of the model folder only these, as NAME or NAME@VERSION. Empty: all."""

    versions: int = Field(default=1, ge=1)
    """So many of the newest versions of each model are served at the same time."""

    watch_s: float = Field(default=5.0, ge=0)
    """The model folder is looked at so often; what has not changed between two looks is loaded, and
    the old version serves until the new one is warm. 0: only at the start and when told to."""

    max_models_mib: int = Field(default=0, ge=0)
    """Most memory that loaded models may take together, by prediction; one more is not loaded. 0:
    as much as is free."""

    warm_up: Sizes = ()
    """Sizes, height first, like 1080x1920,2160x3840: every graph runs once at each before the
    model is ready, so that no request pays for the engine's first run there."""

    manage_models: bool = False
    """Whether models can be loaded and unloaded over HTTP. It needs the admin key."""

    admin_key: SecretStr | None = None
    """Sent as `Authorization: Bearer KEY` to manage models. Better in a variable or in the file
    than in a flag, which every user of the machine can read."""


class ListenConfig(BaseSettings):
    """Listening"""

    model_config = SETTINGS

    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 is every network of this machine."""

    port: int = Field(default=8000, ge=0, le=65535)
    """0 takes a free one, named in the log."""

    cors_origins: Words = ()
    """Web pages of these origins may call; none by default."""

    playground: bool = True
    """Whether / shows the page to try the model on."""

    drain_delay_s: float = Field(default=0.0, ge=0)
    """After SIGTERM /readyz says 503 for so long before the port closes, for load balancers."""

    drain_timeout_s: float = Field(default=30.0, ge=0)
    """Requests that run at SIGTERM have so long to finish."""


class LimitConfig(BaseSettings):
    """Limits"""

    model_config = SETTINGS

    max_body_bytes: int = Field(default=64 * 2**20, gt=0)
    """Largest request body, counted while it arrives."""

    inflate_bodies: bool = False
    """Take bodies with Content-Encoding gzip or deflate. `max_body_bytes` bounds them before and
    after inflating; images gain nothing by it."""

    max_json_bytes: int = Field(default=4 * 2**20, gt=0)
    """Largest JSON of a /v2 request: tensors belong behind it, as binary data."""

    max_json_values: int = Field(default=2**20, gt=0)
    """Most numbers that a /v2 answer writes as JSON: 1024x1024 labels. Binary data have no such
    limit."""

    max_images: int = Field(default=32, ge=1)
    """Images in one /v2 request; each of them may have a next_image."""

    body_timeout_s: float = Field(default=30.0, gt=0)
    """A body that has not arrived by then is answered 408."""

    timeout_s: float = Field(default=60.0, gt=0)
    """A request that is not answered by then is dropped with 504; `timeout_ms` asks for less."""

    max_queue: int = Field(default=64, ge=1)
    """Requests in the house, from the last byte of the body until the answer is written. More are
    answered 429."""

    max_queue_bytes: int = Field(default=2**30, gt=0)
    """Request bodies in the house. More are answered 429, unless the house is empty."""

    max_queue_mpx: float = Field(default=200.0, gt=0)
    """Pixels in the house, in millions: 200 are 600 MB of decoded images. More are answered 429,
    unless the house is empty."""


class BatchConfig(BaseSettings):
    """Batches"""

    model_config = SETTINGS

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
    """Batches that may run in the engine at once, each with memory of its own, small ones with a
    share of its threads. More than one runs only while that was measured to answer a tenth more;
    1: never."""

    calibrate_s: float = Field(default=2.0, ge=0)
    """First calls of the engine, before the model is ready, that teach what calls cost. 0: the
    first requests do."""

    engine_hang_s: float = Field(default=300.0, gt=0)
    """A batch that has run for so long, and ten times as long as was expected, is taken to hang:
    /livez then asks for a restart, since no thread in native code can be ended."""


class ConnectionConfig(BaseSettings):
    """Connections"""

    model_config = SETTINGS

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


class AccessConfig(BaseSettings):
    """Keys and rates"""

    model_config = SETTINGS

    api_keys: SecretStr | None = None
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


class StreamConfig(BaseSettings):
    """Streams"""

    model_config = SETTINGS

    max_frame_bytes: int = Field(default=16 * 2**20, gt=0)
    """Largest message of a WebSocket; a larger one ends its connection."""

    max_streams: int = Field(default=64, ge=1)
    """Videos at once. Beyond, whoever has most loses the one that was unused for longest."""

    max_stream_bytes: int = Field(default=0, ge=0)
    """Of the features that all streams keep. Beyond, in the same way. 0 is an eighth of the memory
    that the machine or the container has, at most 2 GiB: images need the rest."""

    stream_idle_s: float = Field(default=60.0, gt=0)
    """A stream without a frame for so long expires."""


class WatchingConfig(BaseSettings):
    """Logs and traces"""

    model_config = SETTINGS

    log_format: Literal["text", "json"] = "text"
    """json writes one object per line."""

    otel_endpoint: str = ""
    """Traces go to this OpenTelemetry collector, by OTLP over HTTP, like http://collector:4318;
    empty: no traces. Needs `pip install -e ".[otel]"`."""

    otel_sample: float = Field(default=1.0, ge=0, le=1)
    """Share of requests that are traced where the caller's traceparent does not decide."""


class ServerConfig(
    WatchingConfig,
    StreamConfig,
    AccessConfig,
    BatchConfig,
    ConnectionConfig,
    LimitConfig,
    ListenConfig,
    ModelsConfig,
    EngineConfig,
    BaseSettings,
):
    """Serve models over HTTP.

    Every setting with its value and where it comes from: `python -m server config`. Without a
    server: `python -m server predict --help`.
    """

    model_config = SettingsConfigDict(**SETTINGS, cli_prog_name="python -m server")

    config: Path | None = None
    """A TOML file with settings. Flags and variables win over it."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags stand in front of these. See pydantic-settings."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, FileSource(settings_cls, ServerConfig.model_fields)

    @model_validator(mode="after")
    def _check_together(self) -> "ServerConfig":
        if self.manage_models and self.admin_key is None:
            raise ValueError("manage_models without admin_key: set ANYRES_ADMIN_KEY")
        key = None if self.admin_key is None else self.admin_key.get_secret_value()
        if key is not None and not ADMIN_KEY.fullmatch(key):
            raise ValueError(
                f"admin_key has {len(key)} characters, expected 16 or more, all of them printable "
                f"ASCII, as a header has to carry it: take another"
            )
        return self

    @property
    def serves_bundle(self) -> bool:
        """Whether `bundle` is served: always without a model folder, with one if it was given."""
        return self.model_folder is None or "bundle" in self.model_fields_set
