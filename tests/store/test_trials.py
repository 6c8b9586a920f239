"""Our reading of Optuna's tables against Optuna's own."""

from __future__ import annotations

import datetime
import gc
import math
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, IntDistribution
from optuna.trial import create_trial

from sweep.records import TrialState
from sweep.store.results import Database

Run = Any
Samples = Any

STATES = {
    optuna.trial.TrialState.WAITING: TrialState.WAITING,
    optuna.trial.TrialState.RUNNING: TrialState.RUNNING,
    optuna.trial.TrialState.COMPLETE: TrialState.COMPLETE,
    optuna.trial.TrialState.PRUNED: TrialState.PRUNED,
    optuna.trial.TrialState.FAIL: TrialState.FAILED,
}


def test_every_state_of_optunas_is_known() -> None:
    assert set(STATES) == set(optuna.trial.TrialState)


def test_we_read_what_optuna_reads(toys: Database, run_trials: Run) -> None:
    def objective(trial: optuna.Trial) -> float:
        trial.suggest_float("dropout", 0.0, 0.9, step=0.1)
        trial.suggest_float("l2", 1e-6, 1e-1, log=True)
        trial.suggest_int("unfrozen_layers", 0, 40, step=10)
        trial.suggest_categorical("head_width", ["none", "64", "512-256"])
        trial.suggest_categorical("batch_size", [16, 32, 64])
        trial.suggest_categorical("deep", [True, False])
        if trial.number == 1:
            trial.report(-2.0, 1)
            raise optuna.TrialPruned
        if trial.number == 2:
            raise RuntimeError("broken")
        return -0.5 if trial.number else -math.inf

    study = run_trials(toys, objective, 4)
    study.ask()
    study.enqueue_trial({"dropout": 0.1})
    theirs = study.get_trials()
    ours = toys.trials("toys")
    assert [trial.number for trial in ours] == [trial.number for trial in theirs]
    assert [trial.state for trial in ours] == [STATES[trial.state] for trial in theirs]
    assert [list(trial.parameters.items()) for trial in ours] == [list(trial.params.items()) for trial in theirs]
    assert [trial.started for trial in ours] == [_utc(trial.datetime_start) for trial in theirs]
    assert [trial.finished for trial in ours] == [_utc(trial.datetime_complete) for trial in theirs]
    # A pruned trial's value is Optuna's last report, not J.
    assert [trial.objective for trial in ours] == [-math.inf, None, None, -0.5, None, None]


def test_distributions_are_known_by_parameter_each_once(toys: Database, run_trials: Run) -> None:
    assert toys.distributions("toys") == {}

    def objective(trial: optuna.Trial) -> float:
        deep = trial.suggest_categorical("deep", [True, False])
        trial.suggest_int("width", 8, 64 if deep else 16)
        return 0.0

    study = run_trials(toys, objective, 0)
    for deep in (True, False, True):
        study.enqueue_trial({"deep": deep})
    study.optimize(objective, n_trials=3)
    assert toys.distributions("toys") == {
        "deep": (CategoricalDistribution((True, False)),),
        "width": (IntDistribution(8, 64), IntDistribution(8, 16)),
    }


def _utc(moment: datetime.datetime | None) -> datetime.datetime | None:
    return None if moment is None else moment.astimezone(datetime.UTC)


@pytest.mark.parametrize("flag", [True, False])
def test_the_baseline_is_known_before_it_is_measured(toys: Database, run_trials: Run, flag: bool) -> None:
    run_trials(toys, lambda trial: 0.0, 0).enqueue_trial({}, user_attrs={"baseline": flag, "note": "first"})
    (trial,) = toys.trials("toys")
    assert (trial.state, trial.baseline) == (TrialState.WAITING, flag)


def test_a_pruned_trial_keeps_its_measurement(toys: Database, samples: Samples, run_trials: Run) -> None:
    def objective(trial: optuna.Trial) -> float:
        measurement = samples.measurement(stopped="pruned")
        toys.save_measurement("toys", trial.number, baseline=False, configuration={}, measurement=measurement)
        raise optuna.TrialPruned

    run_trials(toys, objective, 1)
    (trial,) = toys.trials("toys")
    assert trial.state is TrialState.PRUNED
    assert trial.measurement is not None
    assert trial.measurement.stopped == "pruned"


def test_a_study_is_not_mixed_with_its_neighbour(toys: Database, samples: Samples, run_trials: Run) -> None:
    toys.add_study(samples.study("boats"), samples.index, samples.split)
    run_trials(toys, lambda trial: 0.25, 2)
    boats = optuna.create_study(storage=toys.optuna_storage(), study_name="boats", direction="maximize")
    boats.add_trial(create_trial(value=0.5))
    toys.save_measurement("boats", 0, baseline=True, configuration={}, measurement=samples.measurement())
    assert [(trial.objective, trial.baseline) for trial in toys.trials("toys")] == [(0.25, False), (0.25, False)]
    assert [(trial.objective, trial.baseline) for trial in toys.trials("boats")] == [(0.5, True)]
    assert set(toys.validation_predictions("toys")) == set()


def test_a_study_that_was_only_submitted_has_no_trials(toys: Database) -> None:
    assert toys.trials("toys") == ()


@pytest.mark.parametrize("location", ["memory", "file"], indirect=True)
@pytest.mark.parametrize("collecting", [True, False])
def test_reading_leaves_the_garbage_collector_as_it_was(toys: Database, run_trials: Run, collecting: bool) -> None:
    run_trials(toys, lambda trial: 0.5, 1)
    before = gc.isenabled()
    (gc.enable if collecting else gc.disable)()
    try:
        assert len(toys.trials("toys")) == 1
        assert gc.isenabled() is collecting
    finally:
        (gc.enable if before else gc.disable)()
