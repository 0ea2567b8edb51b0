"""The memory of a process, as a test says."""

from server.loading.memory import Memory
from server.scheduling.memory_ledger import MemoryLedger
from server.scheduling.process_memory import ProcessMemory

MIB = 2**20


class Machine:
    """Reads as it is set."""

    def __init__(self) -> None:
        self.free_bytes = float("inf")
        self.resident_bytes = 0
        self.memory = ProcessMemory(ledger=MemoryLedger(self._read, stale_s=0.0))

    def _read(self) -> Memory:
        return Memory(free_bytes=self.free_bytes, resident_bytes=self.resident_bytes)
