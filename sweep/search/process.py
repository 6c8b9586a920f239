"""Who runs a trial, and whether that process is still there."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["Process", "is_dead", "this_process"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process that runs trials.

    Attributes:
        host: machine, boot and process namespace: only within one of these do process ids tell anything.
        pid: process id there.
        started: the kernel's start time, which tells a process from a later one of the same id; "" where unknown.
    """

    host: str
    pid: int
    started: str

    @property
    def stored(self) -> dict[str, Any]:
        """As a user attribute of a trial."""
        return asdict(self)

    @classmethod
    def read(cls, stored: object) -> Process | None:
        """The process of a user attribute; None where it is missing or of another make."""
        if not isinstance(stored, Mapping) or set(stored) != {"host", "pid", "started"}:
            return None
        return cls(host=str(stored["host"]), pid=int(stored["pid"]), started=str(stored["started"]))


def this_process() -> Process:
    """The process that asks."""
    return Process(host=_host(), pid=os.getpid(), started=_start_time(os.getpid()) or "")


def is_dead(process: Process) -> bool:
    """Whether the process is known to be gone; False for other hosts, whose heartbeats decide."""
    if process.host != _host():
        return False
    if process.started:
        return _start_time(process.pid) != process.started
    try:
        os.kill(process.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _host() -> str:
    boot = Path("/proc/sys/kernel/random/boot_id")
    namespace = Path("/proc/self/ns/pid")
    parts = [socket.gethostname()]
    if boot.exists() and namespace.exists():
        parts += [boot.read_text().strip(), str(namespace.stat().st_ino)]
    return "/".join(parts)


def _start_time(pid: int) -> str | None:
    """Field 22 of /proc/PID/stat, clock ticks after boot; None for a process that is gone, and without /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name in brackets may hold spaces and brackets itself.
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in {"Z", "X"} else fields[18]
