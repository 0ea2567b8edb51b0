"""A model's tally in the words of Triton's statistics extension: counts and nanoseconds."""

from pydantic import BaseModel

from server.roster.served_model import ServedModel
from server.watching.statistics import ModelTally, Tally


class Duration(BaseModel):
    """How often, and how long together."""

    count: int
    ns: int


class InferenceStatistics(BaseModel):
    """Requests and their stages."""

    success: Duration
    fail: Duration
    queue: Duration
    compute_input: Duration
    """Decoding."""
    compute_infer: Duration
    compute_output: Duration
    """Encoding."""
    cache_hit: Duration
    cache_miss: Duration


class BatchStatistics(BaseModel):
    """Runs of the engine with so many images or pairs, of whichever request."""

    batch_size: int
    compute_input: Duration
    compute_infer: Duration
    compute_output: Duration


class ModelStatistics(BaseModel):
    """Of one version, since the server started."""

    name: str
    version: str
    last_inference: int
    """Milliseconds since 1970."""
    inference_count: int
    """Images; a pair counts as one."""
    execution_count: int
    """Runs of the engine."""
    inference_stats: InferenceStatistics
    batch_stats: list[BatchStatistics]


class StatisticsList(BaseModel):
    """Of all that were asked for."""

    model_stats: list[ModelStatistics]


NONE = Duration(count=0, ns=0)  # nothing is cached, and engines do not tell copying from computing


def model_statistics(model: ServedModel, tally: ModelTally) -> ModelStatistics:
    """Of one version of one model."""
    sizes = sorted(tally.batches)
    return ModelStatistics(
        name=model.name,
        version=model.version,
        last_inference=round(tally.last_s * 1e3),
        inference_count=tally.num_jobs,
        execution_count=sum(tally.num_runs(size) for size in sizes),
        inference_stats=InferenceStatistics(
            success=_duration(tally.success),
            fail=_duration(tally.fail),
            queue=_duration(tally.stages["queue"]),
            compute_input=_duration(tally.stages["decode"]),
            compute_infer=_duration(tally.stages["infer"]),
            compute_output=_duration(tally.stages["encode"]),
            cache_hit=NONE,
            cache_miss=NONE,
        ),
        batch_stats=[
            BatchStatistics(
                batch_size=size,
                compute_input=NONE,
                compute_infer=Duration(
                    count=tally.num_runs(size), ns=_ns(tally.batches[size].seconds)
                ),
                compute_output=NONE,
            )
            for size in sizes
        ],
    )


def _duration(tally: Tally) -> Duration:
    return Duration(count=tally.count, ns=_ns(tally.seconds))


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)
