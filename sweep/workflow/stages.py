"""How long each stage of a run took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sweep.progress import Advance, Progress
from sweep.records import StageRecord, TrialRecord

__all__ = ["TimedProgress"]


class TimedProgress:
    """A progress that hands everything on and keeps the wall time of every stage.

    A stage opened inside another one is shown but not timed apart, so that the times add up.
    """

    def __init__(self, shown: Progress) -> None:
        self._shown = shown
        self._records: dict[str, StageRecord] = {}
        self._depth = 0

    @property
    def records(self) -> tuple[StageRecord, ...]:
        """One record a stage name, in the order of first appearance; equal names are added up."""
        return tuple(self._records.values())

    @contextmanager
    def stage(self, name: str, total: int | None, unit: str) -> Iterator[Advance]:
        """Show and time a stage."""
        start, units = time.perf_counter(), 0
        self._depth += 1
        try:
            with self._shown.stage(name, total, unit) as advance:

                def count(done: int = 1, /) -> None:
                    nonlocal units
                    units += done
                    advance(done)

                yield count
        finally:
            self._depth -= 1
            if self._depth == 0:
                self._add(name, time.perf_counter() - start, units, unit)

    def note(self, text: str) -> None:
        """Hand the line on."""
        self._shown.note(text)

    def trial(self, trial: TrialRecord) -> None:
        """Hand the trial on."""
        self._shown.trial(trial)

    def _add(self, name: str, seconds: float, units: int, unit: str) -> None:
        before = self._records.get(name)
        self._records[name] = StageRecord(
            name=name,
            seconds=seconds + (before.seconds if before else 0.0),
            units=units + (before.units if before else 0),
            unit=unit,
        )
