"""Further processes: what they tell is heard, and whatever becomes of one, nobody waits for it in vain."""

from __future__ import annotations

import importlib
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

from sweep.progress import Advance, Silent
from sweep.records import TrialRecord, TrialState
from sweep.search.workers import Work, Workers

WORK = """
    import os, signal, time
    from pathlib import Path

    from sweep.errors import StoreError
    from sweep.records import FailureRecord, TrialRecord, TrialState

    TRIAL = TrialRecord(
        number=7, state=TrialState.COMPLETE, baseline=False, parameters={}, configuration={}, objective=-1.0
    )

    def one_trial(timeout, progress):
        progress.note(f"{timeout} s")
        progress.trial(TRIAL)

    def a_failure(timeout, progress):
        failure = FailureRecord(kind="nan", reason="a loss of nan", epoch=1)
        progress.trial(TrialRecord(
            number=8, state=TrialState.FAILED, baseline=False, parameters={}, configuration={}, objective=None,
            failure=failure,
        ))

    def locked(timeout, progress):
        raise StoreError("study.db", received="a lock", expected="none", remedy="wait")

    def killed(timeout, progress):
        progress.trial(TRIAL)
        os.kill(os.getpid(), signal.SIGKILL)

    def endless(timeout, progress):
        progress.note("began")
        try:
            time.sleep(600)
        except KeyboardInterrupt:
            Path(__file__).with_name("recorded").touch()
            raise
"""


class Heard(Silent):
    """Writes everything down."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.trials: list[TrialRecord] = []
        self.counted = 0

    @contextmanager
    def stage(self, name: str, total: int | None, unit: str) -> Iterator[Advance]:
        def count(units: int = 1, /) -> None:
            self.counted += units

        yield count

    def note(self, text: str) -> None:
        self.notes.append(text)

    def trial(self, trial: TrialRecord) -> None:
        self.trials.append(trial)


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """A module that the other processes can import as well."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "workers_work.py").write_text(textwrap.dedent(WORK))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield importlib.import_module("workers_work")


def search(count: int, work: Work) -> Heard:
    """Run the work in so many processes beside this one, which does nothing."""
    heard = Heard()
    with Workers(count, work, needs="json") as others:
        progress = others.begin(12.5, heard)
        with progress.stage("trials", 5, "trials"):
            pass
    return heard


def test_every_process_is_told_when_to_end_and_heard(module: ModuleType) -> None:
    heard = search(2, module.one_trial)
    assert heard.notes == ["12.5 s"] * 2
    assert [trial.number for trial in heard.trials] == [7, 7]
    assert heard.counted == 2


def test_what_failed_or_repeats_another_trial_is_shown_and_not_counted(module: ModuleType) -> None:
    heard = search(1, module.a_failure)
    assert [trial.state for trial in heard.trials] == [TrialState.FAILED]
    assert heard.counted == 0


def test_an_error_of_a_process_is_a_line_of_the_first(module: ModuleType) -> None:
    assert search(1, module.locked).notes == ["a worker has ended: study.db: received a lock; expected none; wait"]


def test_a_killed_process_is_not_waited_for(module: ModuleType) -> None:
    assert [trial.number for trial in search(1, module.killed).trials] == [7]


def test_where_the_first_process_fails_the_others_record_their_trial_and_end(module: ModuleType) -> None:
    heard = Heard()

    def fail() -> None:
        with Workers(1, module.endless, needs="json") as others:
            others.begin(None, heard)
            await_true(lambda: heard.notes == ["began"])
            raise ZeroDivisionError("first")

    with pytest.raises(ZeroDivisionError, match="first"):
        fail()
    assert Path(str(module.__file__)).with_name("recorded").exists()


def test_processes_that_were_never_told_to_begin_end_too(module: ModuleType) -> None:
    with pytest.raises(ZeroDivisionError, match="early"), Workers(1, module.one_trial, needs="json"):
        raise ZeroDivisionError("early")


def test_without_others_nothing_stands_between(module: ModuleType) -> None:
    heard = Heard()
    with Workers(0, module.one_trial, needs="json") as others:
        assert others.begin(None, heard) is heard


def await_true(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, "nothing came"
        time.sleep(0.05)
