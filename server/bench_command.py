"""`python -m server bench`: what a server does under load, ours or one that answers the same."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import CliApp, SettingsConfigDict

from server.bench.figures import Figures, cold_shapes, summarise
from server.bench.goodput import GoodputSearch
from server.bench.load import Leaving, closed_loop, one_by_one, open_loop
from server.bench.local_server import local_server
from server.bench.pictures import Format
from server.bench.report import Report, Run
from server.bench.surfaces import Surface
from server.bench.traffic import Answer, Mix, Shot, make_deck, parse_sizes, parse_tasks
from server.config import SETTINGS, EngineConfig
from server.errors import ServerError, Unusable

GOOD_STEPS = 9  # from a tenth of the capacity: four doublings, then to within 5 %


class BenchCommand(EngineConfig):
    """Measure a server: its own on a free port of this machine, or one at a URL.

    Install aiohttp for it: `pip install -e ".[bench]"`. A server of its own takes ANYRES_*
    variables. Latencies count from the moment at which a request was due.
    """

    model_config = SettingsConfigDict(**SETTINGS, cli_prog_name="python -m server bench")

    url: str = ""
    """A server that runs, like http://127.0.0.1:8000. Empty: one is started with --bundle."""

    surface: Surface = "predict"
    """predict is POST /v1/predict; stream sends each client's images as frames of a stream of its
    own (closed loop alone); kserve is POST /v2/models/NAME/infer with binary tensors."""

    loop: Literal["closed", "open", "goodput"] = "closed"
    """closed: --clients ask again when they are answered. open: Poisson arrivals at --rate.
    goodput: searches the highest rate at which p99 keeps --p99-ms."""

    clients: int = Field(default=4, ge=1)
    """Of the closed loop."""

    rate: float = Field(default=1.0, gt=0)
    """Arrivals per second of the open loop."""

    p99_ms: float = Field(default=1000.0, gt=0)
    """What goodput promises: 99 of 100 requests answered within it."""

    max_rate: float = Field(default=2000.0, gt=0)
    """Where the search for goodput ends."""

    duration_s: float = Field(default=10.0, gt=0)
    """Of each run; answers may come later."""

    warm_up_s: float = Field(default=2.0, ge=0)
    """Load before it, not counted."""

    cold_s: float = Field(default=10.0, ge=0)
    """At most so long each size is sent twice, alone, before anything else. 0 leaves it out."""

    sizes: tuple[str, ...] = ("1080x1920",)
    """HxW, or a range HxW..HxW with sides drawn evenly on a logarithmic scale."""

    formats: tuple[Format, ...] = ("jpeg",)
    """Of the images: jpeg, png, webp."""

    tasks: tuple[str, ...] = ("all",)
    """all, or tasks joined by +, like segmentation+depth. flow makes it a pair."""

    answers: tuple[Answer, ...] = ("zip",)
    """json, zip, npz, raw (multipart/mixed), png (one task), jpeg."""

    pairs: float = Field(default=0.0, ge=0, le=1)
    """Share of requests with a second image."""

    leave: float = Field(default=0.0, ge=0, le=1)
    """Share of clients that hang up before they have their answer."""

    leave_within_s: float = Field(default=1.0, gt=0)
    """They do so at a random moment up to this."""

    images: Path | None = None
    """A folder of images to send in place of drawn ones."""

    deck: int = Field(default=64, ge=1)
    """Different requests that are prepared, and sent in turns."""

    seed: int = 0
    """Of images, mixes and arrivals: the same seed sends the same load."""

    request_timeout_s: float = Field(default=120.0, gt=0)
    """A request without an answer by then has failed."""

    api_key: str = ""
    """Sent as a bearer token."""

    json_report: bool = Field(default=False, alias="json")
    """Print one JSON object."""

    @classmethod
    def from_arguments(cls, arguments: list[str]) -> "BenchCommand":
        """Parse what stands behind `bench` on the command line."""
        return CliApp.run(cls, cli_args=arguments)

    def run(self) -> list[str]:
        """Measure; returns lines to show.

        Raises:
            ServerError: a setting has no meaning, the server does not start or nothing answers.
        """
        if self.surface == "stream" and self.loop != "closed":
            raise Unusable(
                f"--surface stream with --loop {self.loop}: the frames of a stream wait for each "
                f"other, measure them with --loop closed"
            )
        deck = make_deck(self._mix(), num_shots=self.deck, seed=self.seed)
        with self._server() as url:
            report = asyncio.run(self._measure(url, deck))
        return [report.json_text()] if self.json_report else report.lines()

    def _mix(self) -> Mix:
        return Mix(
            sizes=[parse_sizes(text) for text in self.sizes],
            formats=self.formats,
            tasks=[parse_tasks(text) for text in self.tasks],
            answers=self.answers,
            pairs=self.pairs,
            folder=self.images,
        )

    @contextmanager
    def _server(self) -> Iterator[str]:
        if self.url:
            yield self.url.rstrip("/")
            return
        flags = ["--bundle", str(self.bundle), "--engine", self.engine]
        flags += ["--precision", self.precision, "--threads", str(self.threads)]
        with local_server([*flags, "--max-mpx", str(self.max_mpx)]) as url:
            yield url

    async def _measure(self, url: str, deck: Sequence[Shot]) -> Report:
        try:
            from server.bench.client import Client, opened
        except ImportError as error:
            raise ServerError(
                f'the bench needs aiohttp ({error}): pip install -e ".[bench]" -c constraints.txt'
            ) from error
        leaving = Leaving(share=self.leave, within_s=self.leave_within_s)
        runs: list[Run] = []

        async def closed(client: Client, *, duration_s: float, seed: int) -> Figures:
            outcomes = await closed_loop(
                client,
                deck,
                num_clients=self.clients,
                duration_s=duration_s,
                seed=seed,
                leaving=leaving,
            )
            return summarise(outcomes)

        async def arriving(client: Client, rate: float, *, seed: int) -> Figures | None:
            outcomes = await open_loop(
                client, deck, rate=rate, duration_s=self.duration_s, seed=seed, leaving=leaving
            )
            return summarise(outcomes) if outcomes else None

        async with opened(
            url, surface=self.surface, timeout_s=self.request_timeout_s, api_key=self.api_key
        ) as client:
            cold = []
            if self.cold_s:
                cold = cold_shapes(await one_by_one(client, deck, limit_s=self.cold_s))
            if self.warm_up_s:
                await closed(client, duration_s=self.warm_up_s, seed=self.seed + 1)
            best = None
            if self.loop == "open":
                figures = await arriving(client, self.rate, seed=self.seed)
                if figures is None:
                    raise Unusable(
                        f"--rate {self.rate:g} for --duration-s {self.duration_s:g} sent nothing: "
                        f"ask for more of either"
                    )
                runs.append(Run(title=f"open loop, {self.rate:g} per second", figures=figures))
            else:
                figures = await closed(client, duration_s=self.duration_s, seed=self.seed)
                runs.append(Run(title=f"closed loop, {self.clients} clients", figures=figures))
            if self.loop == "goodput":
                first = max(figures.requests_per_s / 8, 2 / self.duration_s)
                search = GoodputSearch(first_rate=first, max_rate=self.max_rate, steps=GOOD_STEPS)
                while (rate := search.next_rate()) is not None:
                    found = await arriving(client, rate, seed=self.seed)
                    good = found is not None and found.promise_s <= self.p99_ms / 1e3
                    search.tell(rate, is_good=good)
                    if found is not None:
                        word = "kept" if good else "broken"
                        runs.append(Run(title=f"{rate:.3g} per second: {word}", figures=found))
                best = search.best
        return Report(
            load=self._load(url),
            cold=cold,
            runs=runs,
            target_p99_s=self.p99_ms / 1e3 if self.loop == "goodput" else None,
            goodput_per_s=best,
        )

    def _load(self, url: str) -> dict[str, object]:
        """What was sent, as a report says it."""
        images = {"images": str(self.images)} if self.images else {"sizes": " ".join(self.sizes)}
        return {
            "url": url,
            "surface": self.surface,
            **images,
            "formats": " ".join(self.formats),
            "tasks": " ".join(self.tasks),
            "answers": " ".join(self.answers),
            "pairs": self.pairs,
            "leave": self.leave,
            "seed": self.seed,
        }
