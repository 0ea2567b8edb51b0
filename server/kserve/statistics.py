"""A model's tally in the words of Triton's statistics extension: counts and nanoseconds."""

from models.bundle import Bundle
from server.kserve.schemas import BatchStatistics, Duration, InferenceStatistics, ModelStatistics
from server.watching.statistics import ModelTally, Tally

NONE = Duration(count=0, ns=0)  # nothing is cached, and engines do not tell copying from computing


def model_statistics(bundle: Bundle, tally: ModelTally) -> ModelStatistics:
    """Of one version of one model."""
    sizes = sorted(tally.batches)
    return ModelStatistics(
        name=bundle.name,
        version=bundle.version,
        last_inference=round(tally.last_s * 1e3),
        inference_count=tally.num_images,
        execution_count=sum(tally.num_runs(size) for size in sizes),
        inference_stats=InferenceStatistics(
            success=_duration(tally.success),
            fail=_duration(tally.fail),
            queue=_duration(tally.queue),
            compute_input=_duration(tally.decode),
            compute_infer=_duration(tally.infer),
            compute_output=_duration(tally.encode),
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
