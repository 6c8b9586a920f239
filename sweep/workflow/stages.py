"""How long each stage of a run took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sweep.progress import Advance, Progress
from sweep.records import StageRecord, TrialRecord

__all__ = ["TimedProgress"]

_TRIALS = "trials"


@dataclass(slots=True)
class _Spent:
    """Seconds of the trials so far; sums, since the records of thousands of trials would fill the memory."""

    compiling: float = 0.0
    training: float = 0.0
    evaluation: float = 0.0
    failed: float = 0.0
    failures: int = 0

    def add(self, trial: TrialRecord) -> None:
        measured = trial.measurement
        if measured is not None:
            training = sum(epoch.seconds for epoch in measured.epochs)
            self.compiling += measured.compile_seconds
            self.training += training
            self.evaluation += max(0.0, measured.seconds - measured.compile_seconds - training)
        elif trial.failure is not None and trial.started is not None and trial.finished is not None:
            self.failed += (trial.finished - trial.started).total_seconds()
            self.failures += 1


class TimedProgress:
    """A progress that hands everything on and keeps the wall time of every stage.

    A stage opened inside another one is shown but not timed apart, so that the times add up. That of the trials is kept
    in parts: "compiling", "training" (with the clean evaluation of each epoch), "evaluation" (of the whole training
    side, in every mode), "failed trials", and "scheduling": what is left of it, which asks Optuna and writes records.

    Attributes:
        workers: processes whose trials this one hears of; their time is divided by that number.
    """

    def __init__(self, shown: Progress) -> None:
        self.workers = 1
        self._shown = shown
        self._records: dict[str, StageRecord] = {}
        self._spent = _Spent()
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
                seconds = time.perf_counter() - start
                if name == _TRIALS:
                    self._add_parts(seconds, units)
                else:
                    self.add(name, seconds, units, unit)

    def note(self, text: str) -> None:
        """Hand the line on."""
        self._shown.note(text)

    def trial(self, trial: TrialRecord) -> None:
        """Hand the trial on."""
        self._spent.add(trial)
        self._shown.trial(trial)

    def add(self, name: str, seconds: float, units: int = 0, unit: str = "") -> None:
        """Count what was done elsewhere, or more of a stage."""
        before = self._records.get(name)
        self._records[name] = StageRecord(
            name=name,
            seconds=seconds + (before.seconds if before else 0.0),
            units=units + (before.units if before else 0),
            unit=unit,
        )

    def _add_parts(self, seconds: float, trials: int) -> None:
        spent, workers = self._spent, self.workers
        self.add("compiling", spent.compiling / workers)
        self.add("training", spent.training / workers, trials, _TRIALS)
        self.add("evaluation", spent.evaluation / workers)
        if spent.failures:
            self.add("failed trials", spent.failed / workers, spent.failures, _TRIALS)
        trained = spent.compiling + spent.training + spent.evaluation + spent.failed
        self.add("scheduling", max(0.0, seconds - trained / workers))
        self._spent = _Spent()
