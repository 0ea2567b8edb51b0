"""Every process of one server, wherever it went: found by a token in its environment.

Servers start workers in sessions of their own. A process group does not hold those; they would
outlive the comparison, and Linux schedules each session as one (autogroups), so that they would
also run at another priority than the server beside them: in a comparison, an advantage.
"""

import os
import signal
import time
from pathlib import Path

TOKEN = "PEER_TOKEN"
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def members(token: str) -> list[int]:
    """Process ids."""
    wanted = f"{TOKEN}={token}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                environment = (folder / "environ").read_bytes().split(b"\0")
            except OSError:  # it has just ended, or is somebody else's
                continue
            if wanted in environment:
                found.append(int(folder.name))
    return found


def cpu_s(token: str) -> float:
    """Seconds of processor time that the living members have had, user and system."""
    total = 0
    for pid in members(token):
        try:
            fields = (
                Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            )
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])  # utime, stime: proc(5), counted from "state"
    return total / TICKS_PER_S


def level(token: str) -> None:
    """Give all members the priority of our own session, where Linux keeps one per session."""
    own = _autogroup("self")
    if own is None:
        return
    for pid in members(token):
        if _autogroup(str(pid)) not in (None, own):
            try:
                Path(f"/proc/{pid}/autogroup").write_text(own, encoding="ascii")
            except OSError:  # it has just ended
                continue


def end(token: str, *, patience_s: float) -> None:
    """Ask every member to end, then make it."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        end_s = time.monotonic() + patience_s
        for pid in members(token):
            try:
                os.kill(pid, sign)
            except ProcessLookupError:
                continue
        while members(token) and time.monotonic() < end_s:
            time.sleep(0.1)


def _autogroup(pid: str) -> str | None:
    """The nice value of a session, "12" of "/autogroup-166 nice 12"."""
    try:
        return Path(f"/proc/{pid}/autogroup").read_text(encoding="ascii").split()[-1]
    except (OSError, IndexError):
        return None
