"""Expensive things kept for their next use, up to a limit."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Generic, TypeVar

__all__ = ["RecentlyUsed", "physical_memory"]

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class RecentlyUsed(Generic[Key, Value]):
    """Keeps what was used last; what was not used for the longest time goes first.

    Args:
        capacity: what the kept things may cost together; the newest is kept whatever it costs.
        cost: of one thing, in the unit of `capacity`.
    """

    def __init__(self, capacity: float, cost: Callable[[Value], float]) -> None:
        self._capacity = capacity
        self._cost = cost
        self._kept: OrderedDict[Key, Value] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Key, make: Callable[[], Value]) -> Value:
        """What is kept under `key`, made now if nothing is."""
        if key not in self._kept:
            self._kept[key] = make()
        self._kept.move_to_end(key)
        self._forget()
        return self._kept[key]

    def _forget(self) -> None:
        while len(self._kept) > 1 and self._spent() > self._capacity:
            self._kept.popitem(last=False)

    def _spent(self) -> float:
        return sum(self._cost(value) for value in self._kept.values())


def physical_memory() -> int:
    """Bytes that this process may use: the machine's, or those of the container it runs in."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    granted = Path("/sys/fs/cgroup/memory.max")
    limit = granted.read_text(encoding="ascii").strip() if granted.is_file() else "max"
    return machine if limit == "max" else min(machine, int(limit))
