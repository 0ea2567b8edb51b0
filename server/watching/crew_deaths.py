"""How many threads that decode and encode had to be replaced, for /metrics."""

from collections.abc import Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from server.scheduling.crew import Crew


class CrewDeaths(Collector):
    """Read when asked for: a thread that dies has nothing to do but clear its tray."""

    def __init__(self, crews: Sequence[Crew]) -> None:
        self._crews = crews

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client."""
        family = CounterMetricFamily(
            "anyres_codec_restarts",
            "Threads that decode and encode which died and were replaced.",
            labels=("crew",),
        )
        for crew in self._crews:
            family.add_metric((crew.name,), crew.num_deaths)
        yield family
