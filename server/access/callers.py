"""Who asks: one per key, or all together where there are no keys."""

import hmac
import math
from dataclasses import dataclass

from server.access.api_keys import ApiKey, digest
from server.access.token_bucket import TokenBucket
from server.errors import RateLimited

EVERYBODY = ""
"""The name of whoever comes to a server without keys."""


@dataclass(frozen=True, kw_only=True)
class RateLimits:
    """Of one caller. Zero is no limit."""

    requests_per_s: float
    mpx_per_s: float
    burst_s: float
    """So many seconds' worth may come at once."""


class Caller:
    """One client, and what it may still ask. For the event loop alone."""

    def __init__(self, name: str, limits: RateLimits) -> None:
        self.name = name
        self._limits = limits
        self._requests = TokenBucket(
            rate_per_s=limits.requests_per_s,
            burst=max(1.0, limits.requests_per_s * limits.burst_s),
        )
        self._mpx = TokenBucket(
            rate_per_s=limits.mpx_per_s, burst=limits.mpx_per_s * limits.burst_s
        )

    def take_request(self, *, now_s: float) -> None:
        """Count a request, or a frame that came over a WebSocket.

        Raises:
            RateLimited
        """
        wait_s = self._requests.take(1.0, now_s=now_s)
        if wait_s:
            raise self._refusal(f"{self._limits.requests_per_s:g} requests per second", wait_s)

    def take_pixels(self, num_pixels: int, *, now_s: float) -> None:
        """Count the pixels of a request, known from the images' headers.

        Raises:
            RateLimited
        """
        wait_s = self._mpx.take(num_pixels / 1e6, now_s=now_s)
        if wait_s:
            raise self._refusal(f"{self._limits.mpx_per_s:g} Mpx per second", wait_s)

    def _refusal(self, limit: str, wait_s: float) -> RateLimited:
        retry_after_s = max(1, math.ceil(wait_s))
        return RateLimited(
            f"more came than {limit}, which is what "
            f"{f'the key {self.name!r}' if self.name else 'this server'} allows: come again in "
            f"{retry_after_s} s",
            retry_after_s=retry_after_s,
        )


class Callers:
    """All that are known."""

    def __init__(self, keys: tuple[ApiKey, ...], limits: RateLimits) -> None:
        self._keys = keys
        self._everybody = Caller(EVERYBODY, limits)
        self._callers = {
            key.name: Caller(
                key.name,
                RateLimits(
                    requests_per_s=_own(key.requests_per_s, limits.requests_per_s),
                    mpx_per_s=_own(key.mpx_per_s, limits.mpx_per_s),
                    burst_s=limits.burst_s,
                ),
            )
            for key in keys
        }

    @property
    def need_a_key(self) -> bool:
        return bool(self._keys)

    def identify(self, secret: str | None) -> Caller | None:
        """Whose key this is; None if it is nobody's. Without keys, everybody is one caller."""
        if not self._keys:
            return self._everybody
        shown = digest(secret or "")
        found = None
        for key in self._keys:  # every one: the time must not tell how far the search went
            if hmac.compare_digest(shown, key.digest):
                found = key.name
        return None if found is None else self._callers[found]


def _own(own: float | None, common: float) -> float:
    return common if own is None else own
