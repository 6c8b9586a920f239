"""The fates of a single trial: complete, pruned, repeated, failed."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from types import ModuleType
from typing import Protocol

import optuna
import pytest

from sweep.records import TrialRecord, TrialState
from sweep.search.runner import SearchOutcome
from sweep.store.results import Database
from sweep.studyfile.definition import Configuration, FoldSettings
from sweep.studyfile.space import Choices, NumberRange


class Notebook(Protocol):
    """The progress that remembers."""

    notes: list[str]
    trials: list[TrialRecord]


Search = Callable[..., SearchOutcome]
GRID = {"dropout": NumberRange(low=0.0, high=0.4, step=0.2), "batch_size": Choices(values=(16, 32))}


def test_optuna_is_told_the_objective_and_what_its_dashboard_shows(
    scripted: ModuleType, search: Search, database: Database
) -> None:
    search(scripted.make_definition(trials=1, epochs=2))
    (trial,) = scripted.frozen_trials(database)
    # Dropout 0.5: CE_val = 0.4 + 0.04 + 0.5·exp(−2), gap 0.2 nats of which 0.2 − 1.645·0.02 = 0.1671 are certain.
    validation = 0.44 + 0.5 * math.exp(-2)
    assert trial.value == pytest.approx(-validation - 0.25 * 0.1671)
    assert trial.intermediate_values == pytest.approx({1: -0.44 - 0.5 * math.exp(-1), 2: -validation})
    shown = {name: value for name, value in trial.user_attrs.items() if name != "worker"}
    assert shown == {
        "baseline": True,
        "gap_accuracy": pytest.approx(math.exp(0.2 - validation) - math.exp(-validation)),
        "gap_cross_entropy": pytest.approx(0.2),
        "train_accuracy": pytest.approx(math.exp(0.2 - validation)),
        "train_cross_entropy": pytest.approx(validation - 0.2),
        "validation_accuracy": pytest.approx(math.exp(-validation)),
        "validation_cross_entropy": pytest.approx(validation),
        "selected_epoch": 2,
        "stopped": "finished",
        "objective": trial.value,
    }


def test_the_progress_hears_what_the_database_holds(
    scripted: ModuleType, search: Search, database: Database, notebook: Notebook
) -> None:
    search(scripted.make_definition(trials=3))

    def facts(trial: TrialRecord) -> tuple[object, ...]:
        assert trial.measurement is not None
        return (
            trial.number,
            trial.state,
            trial.baseline,
            trial.parameters,
            trial.configuration,
            trial.objective,
            trial.measurement.validation_cross_entropy,
            trial.measurement.epochs,
        )

    assert [facts(trial) for trial in notebook.trials] == [facts(trial) for trial in database.trials("toys")]


def test_training_is_seeded_by_the_study_and_the_trial(scripted: ModuleType, search: Search) -> None:
    trainer = scripted.ScriptedTrainer()
    search(scripted.make_definition(trials=3, seed=7), trainer)
    assert trainer.seeds == [(7, 0), (7, 1), (7, 2)]


def test_hyperband_prunes_from_epoch_five_on_but_never_the_baseline(
    scripted: ModuleType, search: Search, database: Database
) -> None:
    outcome = search(scripted.make_definition(trials=12, epochs=10, pruner="hyperband"))
    trials = database.trials("toys")
    pruned = [trial for trial in trials if trial.state is TrialState.PRUNED]
    assert outcome.finished == 12
    assert outcome.pruned == len(pruned) > 3
    assert trials[0].state is TrialState.COMPLETE
    for trial in pruned:
        assert trial.measurement is not None
        assert (trial.measurement.epochs_run, trial.measurement.stopped) == (5, "pruned")
        assert trial.objective is None


def test_the_baseline_alone_is_measured_thoroughly(scripted: ModuleType, search: Search) -> None:
    trainer = scripted.ScriptedTrainer()
    search(scripted.make_definition(trials=3), trainer)
    assert trainer.thorough == [0]


@pytest.mark.parametrize("rate", [0.0, 0.9])
def test_a_hopeless_configuration_ends_after_four_folds_but_never_the_baseline(
    scripted: ModuleType, search: Search, database: Database, rate: float
) -> None:
    """The lower the dropout rate, the better each fold: a baseline at 0 is best of all, at 0.9 worst."""
    trainer = scripted.ScriptedFolds(6)
    definition = scripted.make_definition(
        model=scripted.INSIDE.model_copy(update={"dropout": rate}),
        space={"dropout": NumberRange(low=0.0, high=0.9)},
        validation=FoldSettings(folds=3, repeats=2),
        pruner="wilcoxon",
        trials=8,
        sampler="random",
    )
    outcome = search(definition, trainer)
    trials = database.trials("toys")
    assert trainer.folds[0] == 6
    assert trials[0].state is TrialState.COMPLETE
    best = math.inf
    for trial in trials:
        dropout = float(trial.parameters["dropout"])
        hopeless = dropout > best
        assert (trial.state is TrialState.PRUNED) == hopeless
        assert trainer.folds[trial.number] == (4 if hopeless else 6)
        assert trial.measurement is not None
        assert trial.measurement.folds == trainer.folds[trial.number]
        best = min(best, dropout)
    assert outcome.pruned == sum(folds == 4 for folds in trainer.folds.values()) > 0


def test_a_repeated_complete_configuration_is_compared_with_by_its_folds_too(
    scripted: ModuleType, search: Search, database: Database
) -> None:
    """Optuna may take either of two equal trials for the best one."""
    definition = scripted.make_definition(
        model=scripted.INSIDE.model_copy(update={"dropout": 0.0}),
        space=GRID,
        validation=FoldSettings(folds=6),
        pruner="wilcoxon",
        trials=6,
        sampler="random",
    )
    search(definition, scripted.ScriptedFolds(6))
    repeated = [trial for trial in scripted.frozen_trials(database) if "duplicate_of" in trial.user_attrs]
    complete = [trial for trial in repeated if trial.state is optuna.trial.TrialState.COMPLETE]
    assert complete
    assert all(len(trial.intermediate_values) == 6 for trial in complete)


def test_a_repeated_configuration_takes_over_the_result_and_does_not_count(
    scripted: ModuleType, search: Search, database: Database
) -> None:
    trainer = scripted.ScriptedTrainer()
    model = scripted.INSIDE.model_copy(update={"dropout": 0.2})
    outcome = search(scripted.make_definition(model=model, sampler="random", space=GRID, trials=6), trainer)
    trials = database.trials("toys")
    duplicates = [trial for trial in trials if trial.duplicate_of is not None]
    assert outcome.finished == len(trainer.trained) == 6
    assert outcome.duplicates == len(duplicates) > 0
    assert len({json.dumps(configuration.stored()) for _, configuration in trainer.trained}) == 6
    for trial in duplicates:
        assert trial.duplicate_of is not None
        original = trials[trial.duplicate_of]
        assert (trial.state, trial.objective) == (original.state, original.objective)
        assert trial.parameters == original.parameters


def test_a_repeated_pruned_configuration_is_pruned_again(
    scripted: ModuleType, search: Search, database: Database
) -> None:
    space = {"dropout": NumberRange(low=0.0, high=0.9, step=0.1)}
    search(scripted.make_definition(space=space, sampler="random", trials=9, epochs=10, pruner="hyperband"))
    trials = scripted.frozen_trials(database)
    pruned = optuna.trial.TrialState.PRUNED
    repeated = [trial for trial in trials if trial.state is pruned and "duplicate_of" in trial.user_attrs]
    assert repeated
    for trial in repeated:
        original = trials[trial.user_attrs["duplicate_of"]]
        assert (original.state, original.value) == (pruned, trial.value)
        assert trial.user_attrs["gap_accuracy"] == original.user_attrs["gap_accuracy"]


def test_a_failed_trial_is_recorded_with_its_reason_and_the_search_goes_on(
    scripted: ModuleType, search: Search, database: Database, notebook: Notebook
) -> None:
    trainer = scripted.ScriptedTrainer(event=scripted.raising(MemoryError("cannot\nallocate"), trial=2, epoch=3))
    outcome = search(scripted.make_definition(trials=5), trainer)
    assert (outcome.finished, outcome.failed) == (5, 1)
    failed = database.trials("toys")[2]
    assert failed.state is TrialState.FAILED
    assert failed.failure is not None
    assert (failed.failure.kind, failed.failure.reason) == ("MemoryError", "MemoryError: cannot allocate")
    assert failed.failure.epoch == 3
    assert failed.configuration["dropout"] == failed.parameters["dropout"]
    assert notebook.trials[2].failure == failed.failure


def test_a_nan_loss_fails_the_trial_with_its_epoch(scripted: ModuleType, search: Search, database: Database) -> None:
    def curve(configuration: Configuration, epoch: int) -> float:
        value: float = scripted.bowl(configuration, epoch)
        return math.nan if configuration.stored()["dropout"] > 0.5 and epoch == 2 else value  # type: ignore[operator]

    outcome = search(scripted.make_definition(trials=6), scripted.ScriptedTrainer(curve))
    failures = [trial for trial in database.trials("toys") if trial.failure is not None]
    assert outcome.finished == 6
    assert outcome.failed == len(failures) > 0
    for trial in failures:
        assert trial.failure is not None
        assert (trial.failure.kind, trial.failure.epoch) == ("nan", 2)
        assert trial.failure.reason.startswith(f"trial {trial.number}, epoch 2: received cross-entropy nan")


def test_a_database_error_is_no_failed_trial(
    scripted: ModuleType, search: Search, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(database, "save_measurement", full)
    with pytest.raises(OSError, match="disk full"):
        search(scripted.make_definition(trials=3))
