"""Memory that running batches have claimed: those of all models of a process share what is free.

What the system calls free says nothing about a batch that has just begun: its memory is still
there. So each batch claims what it is expected to take, and whoever looks next sees only the rest.

A batch that needs more than there is waits until those that run are done. Nobody begins meanwhile,
or small ones of another model would keep it waiting for ever.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from server.loading.memory import free_bytes

STALE_S = 0.1  # by so much the figures that requests are checked against may be older
FORGOTTEN_S = 3.0  # who waits asks again sooner; who does not has gone


@dataclass(eq=False, kw_only=True)
class Account:
    """Of one engine. Its ledger keeps it."""

    changed: threading.Condition
    """Notified when another engine gives back what it had claimed."""
    claims: dict[int, float] = field(default_factory=dict)
    """Bytes by the number of the thread."""
    waits_since_s: float | None = None
    """For more than there was."""
    asked_s: float = float("-inf")
    """Last."""


@dataclass(eq=False, kw_only=True)
class Look:
    """What is there for one engine now, and what it did about it."""

    free_bytes: float
    """That nobody has claimed."""
    is_idle: bool
    """Nothing runs, and nobody else waits for that: even what seems not to fit may be tried."""
    claim_bytes: float | None = None
    """Set it to take some."""
    is_short: bool = False
    """Set it to wait for more."""


class MemoryLedger:
    """Of one process. Thread-safe."""

    def __init__(
        self,
        free: Callable[[], float] = free_bytes,
        *,
        stale_s: float = STALE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._free = free
        self._stale_s = stale_s
        self._clock = clock
        self._lock = threading.Lock()
        self._accounts: list[Account] = []
        self._idle_bytes = 0.0
        self._read_s = float("-inf")

    def open(self, changed: threading.Condition) -> Account:
        """For one more engine."""
        account = Account(changed=changed)
        with self._lock:
            self._accounts.append(account)
        return account

    @property
    def idle_bytes(self) -> float:
        """That would be free if nothing ran, as far as is known, and a moment ago."""
        with self._lock:
            if self._clock() - self._read_s > self._stale_s:
                self._free_now()
            return self._idle_bytes

    @contextmanager
    def look(self, account: Account, slot: int) -> Iterator[Look]:
        """What is there for a thread. Inside, nobody else looks: decide quickly."""
        with self._lock:
            is_turn = self._is_turn_of(account)
            look = Look(
                free_bytes=self._free_now() if is_turn else 0.0,
                is_idle=is_turn and not any(one.claims for one in self._accounts),
            )
            yield look
            account.asked_s = self._clock()
            if look.claim_bytes is not None:
                account.claims[slot] = look.claim_bytes
            if not look.is_short:
                account.waits_since_s = None
            elif account.waits_since_s is None:
                account.waits_since_s = account.asked_s

    def claim(self, account: Account, slot: int, num_bytes: float) -> None:
        """Take some, whether it is there or not."""
        with self._lock:
            account.claims[slot] = num_bytes

    def claim_part(self, account: Account, slot: int, num_bytes: float, *, most: float) -> float:
        """Take some if that is at most such a part of what nobody has claimed. Who waits for more
        keeps its turn.

        Returns:
            Bytes that nobody had claimed.
        """
        with self._lock:
            free = self._free_now()
            if num_bytes <= most * free:
                account.claims[slot] = num_bytes
            return free

    def release(self, account: Account, slot: int) -> None:
        """The thread's batch has ended. Not while holding the lock of any engine."""
        with self._lock:
            account.claims.pop(slot, None)
        self._tell_others(account)

    def close(self, account: Account) -> None:
        """The engine has ended. Not while holding the lock of any engine."""
        with self._lock:
            self._accounts.remove(account)
        self._tell_others(account)

    def _free_now(self) -> float:
        """Bytes that are free, all claims taken at their word."""
        now_bytes = self._free()
        claimed = sum(sum(account.claims.values()) for account in self._accounts)
        # Of what was claimed, anything between nothing and all is taken already.
        self._idle_bytes = min(max(self._idle_bytes, now_bytes), now_bytes + claimed)
        self._read_s = self._clock()
        return min(now_bytes, self._idle_bytes - claimed)

    def _is_turn_of(self, account: Account) -> bool:
        """Nobody else waits, or not for as long."""
        now_s, own_s = self._clock(), account.waits_since_s
        return not any(
            other.waits_since_s is not None
            and now_s - other.asked_s < FORGOTTEN_S
            and (own_s is None or other.waits_since_s < own_s)
            for other in self._accounts
            if other is not account
        )

    def _tell_others(self, account: Account) -> None:
        with self._lock:
            others = [other for other in self._accounts if other is not account]
        for other in others:
            with other.changed:
                other.changed.notify_all()
