"""Processes of this machine that search one study side by side; the study's database is all that they share."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import TracebackType
from typing import TypeAlias

from sweep.errors import SweepError
from sweep.progress import Advance, Progress
from sweep.records import TrialRecord

__all__ = ["Work", "Workers"]

Work: TypeAlias = Callable[[float | None, Progress], None]
"""What a process does, told the seconds after which no further trial is started, and where to report."""

_NOTE, _TRIAL = "note", "trial"
_SECONDS_TO_END = 60.0
"""What a process may take to record its running trial once it was told to stop."""


class Workers:
    """Other processes beside this one, which search a study until it has its trials.

    They start when the context is entered, so that their imports run beside this process's preparations, and wait for
    `begin`. At the end of the context the others have ended too. Each is a process of its own for Optuna: one that is
    killed leaves a running trial behind, which another one queues again.

    Args:
        count: of the other processes; 0: none, everything is as without.
        work: what each of them does; it is pickled.
        needs: the module that it imports, before it is told to begin.
    """

    def __init__(self, count: int, work: Work, *, needs: str) -> None:
        self._count = count
        self._work = work
        self._needs = needs
        self._processes: list[SpawnProcess] = []
        self._connections: list[Connection] = []
        self._listener: threading.Thread | None = None

    def __enter__(self) -> Workers:
        context = multiprocessing.get_context("spawn")
        for _ in range(self._count):
            ours, theirs = context.Pipe()
            process = context.Process(target=_run, args=(theirs, self._work, self._needs), daemon=True)
            with _ignoring_interrupts():  # which the process does until it can deal with them
                process.start()
            theirs.close()
            self._processes.append(process)
            self._connections.append(ours)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(hurry=kind is not None)

    def begin(self, timeout: float | None, progress: Progress) -> Progress:
        """Let the others begin; returns the progress for this process, which hears of their trials too.

        Where its stage of trials ends, the others' last ones are waited for.

        Args:
            timeout: seconds after which no further trial is started.
            progress: hears of everything, one thing after the other.
        """
        if not self._count:
            return progress
        shared = _Shared(progress, self.join)
        for connection in self._connections:
            connection.send(timeout)
        self._listener = threading.Thread(target=self._listen, args=(shared,), daemon=True)
        self._listener.start()
        return shared

    def join(self) -> None:
        """Wait until the others have ended by themselves."""
        if self._listener is not None:
            self._listener.join()
        for process in self._processes:
            process.join()

    def _listen(self, shared: _Shared) -> None:
        left = list(self._connections)
        while left:
            for connection in wait(left):
                assert isinstance(connection, Connection)
                try:
                    kind, told = connection.recv()
                except (EOFError, OSError, pickle.UnpicklingError):
                    left.remove(connection)
                    continue
                if kind == _TRIAL:
                    shared.theirs(told)
                else:
                    shared.note(told)

    def _end(self, *, hurry: bool) -> None:
        """Have them end; in a hurry they record their running trial first, and are killed if that takes too long."""
        if self._listener is None:
            self._close()  # which is the end for who still waits for the word
        elif hurry:
            for process in self._processes:
                if process.is_alive() and process.pid is not None:
                    os.kill(process.pid, signal.SIGINT)
        until = time.monotonic() + _SECONDS_TO_END
        for process in self._processes:
            process.join(max(0.0, until - time.monotonic()) if hurry else None)
            if process.is_alive():
                process.kill()
                process.join()
        self._close()

    def _close(self) -> None:
        for connection in self._connections:
            connection.close()


@contextmanager
def _ignoring_interrupts() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class _Shared:
    """A progress that several threads may tell; the stage of trials counts everybody's."""

    def __init__(self, shown: Progress, wait_for_others: Callable[[], None]) -> None:
        self._shown = shown
        self._wait = wait_for_others
        self._lock = threading.RLock()
        self._advance: Advance | None = None

    @contextmanager
    def stage(self, name: str, total: int | None, unit: str) -> Iterator[Advance]:
        """Hand the stage on."""
        with self._shown.stage(name, total, unit) as advance:

            def count(units: int = 1, /) -> None:
                with self._lock:
                    advance(units)

            if name != "trials":
                yield count
                return
            self._advance = count
            yield count
            self._wait()
            self._advance = None

    def note(self, text: str) -> None:
        """Hand the line on."""
        with self._lock:
            self._shown.note(text)

    def trial(self, trial: TrialRecord) -> None:
        """Hand the trial on."""
        with self._lock:
            self._shown.trial(trial)

    def theirs(self, trial: TrialRecord) -> None:
        """A trial of another process, which nobody else counts here."""
        with self._lock:
            self._shown.trial(trial)
            if self._advance is not None and trial.failure is None and trial.duplicate_of is None:
                self._advance()


# ---- in the other process --------------------------------------------------------------------------------------------


class _Told:
    """A progress that is told to the process that started this one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @contextmanager
    def stage(self, name: str, total: int | None, unit: str) -> Iterator[Advance]:
        """Nobody is told: the first process shows the stages."""
        yield _nothing

    def note(self, text: str) -> None:
        """Tell the line."""
        self._connection.send((_NOTE, text))

    def trial(self, trial: TrialRecord) -> None:
        """Tell the trial."""
        self._connection.send((_TRIAL, trial))


def _run(connection: Connection, work: Work, needs: str) -> None:
    """Wait for the word, then work; ends without a word where the first process has ended."""
    # What native code says while it starts was said by the first process.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    signal.signal(signal.SIGINT, _interrupt_once)
    try:
        importlib.import_module(needs)
        timeout = connection.recv()
        work(timeout, _Told(connection))
    except (EOFError, BrokenPipeError, ConnectionResetError, KeyboardInterrupt):
        return
    except Exception as error:
        reason = str(error) if isinstance(error, SweepError) else f"{type(error).__name__}: {error}"
        connection.send((_NOTE, f"a worker has ended: {reason}"))


def _interrupt_once(number: int, frame: object) -> None:
    """The terminal and the first process may both say it: the second time must not disturb what the first began."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _nothing(units: int = 1, /) -> None:
    """Count nothing."""
