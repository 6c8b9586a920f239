"""Epochs are read with their trials, or by themselves for some of them."""

from __future__ import annotations

from typing import Any

import optuna
import pytest

from sweep.store.results import Database

Run = Any
Samples = Any


@pytest.fixture
def searched(toys: Database, samples: Samples, run_trials: Run) -> Database:
    """Three trials of one, two and three epochs."""

    def objective(trial: optuna.Trial) -> float:
        epochs = tuple(samples.epoch(number) for number in range(1, trial.number + 2))
        measurement = samples.measurement(epochs=epochs)
        toys.save_measurement("toys", trial.number, baseline=False, configuration={}, measurement=measurement)
        return 0.5

    run_trials(toys, objective, 3)
    return toys


def test_the_epochs_of_some_trials(searched: Database) -> None:
    found = searched.epochs("toys", [2, 0, 7])
    assert {number: [epoch.epoch for epoch in epochs] for number, epochs in found.items()} == {0: [1], 2: [1, 2, 3]}
    everything = {trial.number: trial.measurement for trial in searched.trials("toys")}
    for number, epochs in found.items():
        measured = everything[number]
        assert measured is not None
        assert measured.epochs == epochs
    assert searched.epochs("toys", []) == {}
    assert searched.epochs("boats", [0]) == {}


def test_trials_may_be_read_without_them(searched: Database) -> None:
    with_epochs, without = searched.trials("toys"), searched.trials("toys", with_epochs=False)
    assert [len(trial.measurement.epochs) for trial in with_epochs if trial.measurement] == [1, 2, 3]
    assert [len(trial.measurement.epochs) for trial in without if trial.measurement] == [0, 0, 0]
    assert [trial.objective for trial in without] == [0.5, 0.5, 0.5]
