"""Progress on stderr: a live display in a terminal, plain lines anywhere else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from sweep.progress import Advance
from sweep.progress import Progress as ProgressProtocol
from sweep.records import TrialRecord, TrialState

__all__ = ["LiveProgress", "PlainProgress", "live_progress", "trial_line"]

_TRIALS_SHOWN = 8
_PLAIN_LINE_EVERY_SECONDS = 10.0


@contextmanager
def live_progress() -> Iterator[ProgressProtocol]:
    """The progress that fits stderr."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield PlainProgress(console)
        return
    live = LiveProgress(console)
    with live.display:
        yield live


class PlainProgress:
    """One line when a stage starts, now and then while it lasts, and when it ends."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._best = _Best()

    @contextmanager
    def stage(self, name: str, total: int | None, unit: str) -> Iterator[Advance]:
        """Print the stage's start, its rate about every ten seconds, and its time."""
        start = said = time.perf_counter()
        done = 0
        self._say(f"{name}: {'' if total is None else f'{total:,} '}{unit}")

        def advance(units: int = 1, /) -> None:
            nonlocal done, said
            done += units
            now = time.perf_counter()
            if now - said >= _PLAIN_LINE_EVERY_SECONDS:
                said = now
                self._say(f"{name}: {_amount(done, total, unit, now - start)}")

        yield advance
        self._say(f"{name}: done in {time.perf_counter() - start:.1f} s")

    def note(self, text: str) -> None:
        """Print the line."""
        self._say(text)

    def trial(self, trial: TrialRecord) -> None:
        """Print the trial and whether it is the best so far."""
        mark = "  <- best so far" if self._best.takes(trial) else ""
        self._say(trial_line(trial) + mark)

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


class LiveProgress:
    """Bars for the stages, a table of the latest trials, the best one on top."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._best = _Best()
        self._trials: list[TrialRecord] = []
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            auto_refresh=False,
        )
        self.display = Live(get_renderable=self._draw, console=console, refresh_per_second=4, transient=False)

    @contextmanager
    def stage(self, name: str, total: int | None, unit: str) -> Iterator[Advance]:
        """Show a bar with rate and time left."""
        task = self._bars.add_task(name, total=total, rate="")
        start, done = time.perf_counter(), 0

        def advance(units: int = 1, /) -> None:
            nonlocal done
            done += units
            rate = f"{_rate(done, unit, time.perf_counter() - start)}"
            self._bars.update(task, advance=units, rate=rate)

        try:
            yield advance
        finally:
            self._bars.update(task, total=done if total is None else total, rate=f"{time.perf_counter() - start:.1f} s")
            self._bars.stop_task(task)

    def note(self, text: str) -> None:
        """Print the line above the live display."""
        self._console.print(text, markup=False, highlight=False)

    def trial(self, trial: TrialRecord) -> None:
        """Put the trial into the table."""
        self._best.takes(trial)
        self._trials = [*self._trials, trial][-_TRIALS_SHOWN:]

    def _draw(self) -> Group:
        if not self._trials:
            return Group(self._bars)
        table = Table("trial", "state", "train", "validation", "gap", "J", "parameters", box=None, pad_edge=False)
        best = self._best.trial
        rows = self._trials if best is None or best in self._trials else [best, *self._trials]
        for trial in rows:
            table.add_row(*map(escape, _cells(trial)), style="bold green" if trial is best else None)
        return Group(self._bars, table)


class _Best:
    """The trial of highest objective among the complete ones."""

    def __init__(self) -> None:
        self.trial: TrialRecord | None = None

    def takes(self, trial: TrialRecord) -> bool:
        if trial.state is not TrialState.COMPLETE or trial.objective is None or trial.duplicate_of is not None:
            return False
        if self.trial is not None and self.trial.objective is not None and trial.objective <= self.trial.objective:
            return False
        self.trial = trial
        return True


def trial_line(trial: TrialRecord) -> str:
    """One trial on one line."""
    number, state, train, validation, gap, objective, parameters = _cells(trial)
    if trial.failure is not None:
        return f"trial {number} failed: {trial.failure.reason}"
    if trial.duplicate_of is not None:
        return f"trial {number} repeats trial {trial.duplicate_of}: its result was taken over"
    return f"trial {number} {state}: train {train}, validation {validation}, gap {gap}, J {objective}  {parameters}"


def _cells(trial: TrialRecord) -> tuple[str, str, str, str, str, str, str]:
    measured = trial.measurement
    numbers = ("–", "–", "–")
    if measured is not None:
        numbers = (
            f"{measured.train_accuracy:.1%}",
            f"{measured.validation_accuracy:.1%}",
            f"{100 * measured.gap_accuracy:+.1f}",
        )
    parameters = " ".join(
        f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in trial.parameters.items()
    )
    return (
        str(trial.number),
        trial.state.value,
        *numbers,
        "–" if trial.objective is None else f"{trial.objective:.3f}",
        "your configuration" if trial.baseline else parameters,
    )


def _rate(done: int, unit: str, elapsed: float) -> str:
    if done == 0 or elapsed == 0:
        return ""
    rate = done / elapsed
    return f"{rate:.0f} {unit}/s" if rate >= 1 else f"{1 / rate:.1f} s each"


def _amount(done: int, total: int | None, unit: str, elapsed: float) -> str:
    amount = f"{done:,} {unit}" if total is None else f"{done:,} of {total:,} {unit}"
    left = "" if total is None or done == 0 else f", {elapsed * (total - done) / done:.0f} s left"
    return f"{amount}, {_rate(done, unit, elapsed)}{left}"
