"""A mark that stays the same until a report would show something else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import optuna
import pytest

from sweep.records import Cause, Finding, Interval, ProofOutcome, ProofRecord
from sweep.store.results import Database

RunTrials = Callable[..., optuna.Study]
Samples = Any  # of conftest.py, which cannot be imported


def test_a_study_without_trials_has_one(toys: Database) -> None:
    assert toys.mark("toys") == toys.mark("toys")


def test_it_changes_with_every_trial_that_ends(toys: Database, run_trials: RunTrials) -> None:
    def objective(trial: optuna.Trial) -> float:
        marks.append(toys.mark("toys"))
        if trial.number == 1:
            raise RuntimeError
        if trial.number == 2:
            raise optuna.TrialPruned
        return 0.0

    marks: list[tuple[object, ...]] = []
    run_trials(toys, objective, 4)
    marks.append(toys.mark("toys"))
    assert len(set(marks)) == 5
    assert toys.mark("toys") == marks[-1]


def test_a_trial_that_begins_changes_nothing(toys: Database, run_trials: RunTrials) -> None:
    study = run_trials(toys, lambda trial: 0.0, 1)
    before = toys.mark("toys")
    study.ask()
    assert toys.mark("toys") == before


@pytest.mark.parametrize("what", ["repeat", "findings", "proof"])
def test_it_changes_with_what_is_measured_after_the_search(
    toys: Database, run_trials: RunTrials, samples: Samples, what: str
) -> None:
    run_trials(toys, lambda trial: 0.0, 1)
    toys.save_measurement("toys", 0, baseline=True, configuration={}, measurement=samples.measurement())
    before = toys.mark("toys")
    if what == "repeat":
        toys.save_repeat("toys", samples.repeat(0, 1))
    elif what == "findings":
        toys.save_findings("toys", [Finding.not_measured(Cause.LEAK, "no time")], trial=0)
    else:
        toys.save_proof("toys", PROOF)
    after = toys.mark("toys")
    assert after != before
    if what == "findings":  # in place of the others, so that there are as many
        toys.save_findings("toys", [Finding.not_measured(Cause.LEAK, "no memory")], trial=0)
        assert toys.mark("toys") != after


NO_CHANGE = Interval(estimate=0.0, low=-0.1, high=0.1)
PROOF = ProofRecord(
    trial=0,
    cause=Cause.LEAK,
    changes={"data.deduplicate": True},
    left_out=0,
    repeats=5,
    new_split=True,
    gap_narrowed=NO_CHANGE,
    accuracy_gained=NO_CHANGE,
    cross_entropy_saved=NO_CHANGE,
    p=0.5,
    outcome=ProofOutcome.NOT_SHOWN,
    sentence="nothing changes",
)
