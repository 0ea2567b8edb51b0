"""A body of images that comes in: not into a full house, and counted with all that arrive."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from server.roster.served_model import ServedModel
from server.service import Service
from server.watching.request_record import current_record


@contextmanager
def arrival(
    service: Service, model: ServedModel, *, started_s: float
) -> Iterator[Callable[[int], None]]:
    """Gives the function to call with the length of every piece; it may refuse one.

    From here on the request counts as one for this model.

    Raises:
        QueueFull
    """
    record = current_record()
    record.model, record.version = model.name, model.version
    # A full house is told so before it has sent all its bytes.
    with service.admission.request(0, retry_after_s=service.retry_after_s):
        pass
    with service.arriving.body() as grow:
        yield grow
    record.add("receive", time.monotonic() - started_s)
