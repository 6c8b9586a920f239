"""What long work says about itself while it runs; the command line draws it, tests and notebooks may ignore it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from sweep.records import TrialRecord

__all__ = ["Advance", "Progress", "Silent"]


class Advance(Protocol):
    """Called with the number of units done since the last call."""

    def __call__(self, units: int = 1, /) -> None:
        """Count that many more units as done."""


class Progress(Protocol):
    """Receives the stages of a run in order; every method may be called from one thread at a time only."""

    def stage(self, name: str, total: int | None, unit: str) -> AbstractContextManager[Advance]:
        """Open a stage ("rendering toys", 3750, "images"); leave the context when it is done."""
        ...

    def note(self, text: str) -> None:
        """Show one line that stays on the screen."""
        ...

    def trial(self, trial: TrialRecord) -> None:
        """A trial ended, in whatever state."""
        ...


class Silent:
    """A progress that shows nothing."""

    @contextmanager
    def stage(self, name: str, total: int | None, unit: str) -> Iterator[Advance]:
        """Show nothing of the stage."""
        yield _ignore

    def note(self, text: str) -> None:
        """Drop the line."""

    def trial(self, trial: TrialRecord) -> None:
        """Drop the trial."""


def _ignore(units: int = 1, /) -> None:
    """Count nothing."""
