"""A search that ends with a verdict on the baseline."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from sweep.errors import UsageError
from sweep.progress import Advance, Silent
from sweep.records import Cause
from sweep.store.results import open_database
from sweep.workflow.diagnose import Diagnosis, diagnose
from sweep.workflow.resolve import Overrides, resolve_study
from sweep.workflow.run import RunOutcome, run_resolved
from sweep.workflow.stages import TimedProgress

QUICK = (
    "data.image_size=32",
    "training.epochs=2",
    "training.learning_rate=0.01",
    "search.pruner=none",
    "search.finalists=0",
    "check.on_run=true",
)


class Noting(Silent):
    """Writes down notes, and the stages that were entered."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.stages: list[str] = []

    def stage(self, name: str, total: int | None, unit: str) -> AbstractContextManager[Advance]:
        self.stages.append(name)
        return super().stage(name, total, unit)

    def note(self, text: str) -> None:
        self.notes.append(text)


@dataclass(frozen=True)
class Searched:
    """A study that was run, twice."""

    database: Path
    first: RunOutcome
    notes: list[str]
    stages_again: list[str]


@pytest.fixture(scope="module")
def searched(noisy_photos: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Searched:
    photos = noisy_photos(tmp_path_factory.mktemp("verdict") / "photos", {"cat": 90, "dog": 160}, count=40)
    database = tmp_path_factory.mktemp("verdict") / "study.db"
    resolved = resolve_study(str(photos), Overrides(sets=QUICK, trials=1), Silent())
    first, again = Noting(), Noting()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SWEEP_CACHE", str(database.parent / "cache"))
        outcome = run_resolved(resolved, database, timeout=None, progress=TimedProgress(first))
        run_resolved(resolved, database, timeout=None, progress=TimedProgress(again))
    return Searched(database, outcome, first.notes, again.stages)


@pytest.fixture(scope="module")
def diagnosis(searched: Searched) -> Diagnosis:
    return diagnose(searched.database)


def test_a_search_ends_with_the_verdict_in_a_sentence(searched: Searched, diagnosis: Diagnosis) -> None:
    assert searched.first.verdict == diagnosis.sentence
    assert f"verdict: {diagnosis.sentence}" in searched.first.lines


def test_they_are_not_trained_twice(searched: Searched) -> None:
    assert "fits" not in searched.stages_again


def test_every_cause_is_spoken_of_once(diagnosis: Diagnosis) -> None:
    assert sorted(one.finding.cause for one in diagnosis.verdict.judged) == sorted(Cause)


def test_what_is_stored_gives_the_same_verdict(searched: Searched) -> None:
    """The findings of the short trainings; what records say is reckoned anew."""
    with open_database(searched.database) as opened:
        (found,) = opened.findings("photos", trial=0)
    assert {Cause.CAPACITY, Cause.LEARNING_RATE, Cause.OVER_REGULARIZED} <= {one.cause for one in found}
    assert not [one for one in found if "Error" in one.missing]


def test_a_trial_that_is_not_there_is_refused(searched: Searched) -> None:
    with pytest.raises(UsageError, match="--trial: received trial 7; expected a trial that has one"):
        diagnose(searched.database, trial=7)
