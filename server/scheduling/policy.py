"""The settings of the server as the worker wants them."""

from server.config import ServerConfig
from server.scheduling.batcher import BatchPolicy
from server.scheduling.worker import WorkerPolicy


def worker_policy(config: ServerConfig) -> WorkerPolicy:
    """What a worker may do under these settings."""
    return WorkerPolicy(
        batch=BatchPolicy(
            pixel_budget=max(1, round(config.max_batch_mpx * 1e6)),
            max_jobs=config.max_batch,
            max_wait_s=config.max_batch_wait_s,
            aging_s=config.aging_s,
        ),
        max_parallel=config.max_parallel,
        calibrate_s=config.calibrate_s,
        hang_s=config.engine_hang_s,
    )
