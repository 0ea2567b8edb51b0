"""Which replica gets a request on Ray. Imported by Ray alone: it needs Ray to be imported."""

import random
from typing import Any

from ray.serve.experimental.consistent_hash_router import ConsistentHashRouter


class StickyRouter(ConsistentHashRouter):  # type: ignore[misc] # Ray is not there where types are
    """Requests of one session go to one replica; all others to the shorter of two queues.

    The session is what `X-Session-Id` says: the frames of one stream carry the same.
    """

    async def choose_replicas(
        self, candidate_replicas: list[Any], pending_request: Any = None
    ) -> list[list[Any]]:
        """See ray.serve.request_router.RequestRouter: Ray asks those of the first list."""
        if pending_request is None or pending_request.metadata.session_id:
            ranked: list[list[Any]] = await super().choose_replicas(
                candidate_replicas, pending_request
            )
            return ranked
        return [random.sample(candidate_replicas, min(2, len(candidate_replicas)))]
