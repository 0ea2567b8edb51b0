"""The memory of a machine, as a test says."""

from server.scheduling.memory_ledger import MemoryLedger
from server.scheduling.process_memory import ProcessMemory


class Machine:
    """Has as much free memory as is set."""

    def __init__(self) -> None:
        self.free_bytes = float("inf")
        self.memory = ProcessMemory(ledger=MemoryLedger(lambda: self.free_bytes, stale_s=0.0))
