"""What all engines of a process have in common: its memory."""

from dataclasses import dataclass, field

from server.scheduling.memory_ledger import MemoryLedger
from server.scheduling.peak_meter import PeakMeter


@dataclass(frozen=True, kw_only=True)
class ProcessMemory:
    """Who has claimed what, and what calls were seen to take."""

    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    meter: PeakMeter = field(default_factory=PeakMeter)
