"""What Optuna hears of a trial while it runs."""

from __future__ import annotations

import math
from types import ModuleType

import optuna
import pytest
from optuna.pruners import BasePruner
from optuna.trial import FrozenTrial

from sweep.errors import TrialError
from sweep.search.reporter import TrialReporter, check_finite

EVERY = range(1, 100)


class Merciless(BasePruner):
    """Prunes everything from the third epoch on."""

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        return (trial.last_step or 0) >= 3


@pytest.fixture
def trial() -> optuna.Trial:
    """A running trial of a merciless study."""
    return optuna.create_study(direction="maximize", pruner=Merciless()).ask()


def test_each_epoch_is_reported_as_minus_its_validation_cross_entropy(
    scripted: ModuleType, trial: optuna.Trial
) -> None:
    reporter = TrialReporter(trial, baseline=False, rungs=EVERY, epochs=10)
    answers = [reporter.epoch(scripted.make_epoch(epoch, 1 / epoch)) for epoch in (1, 2, 3)]
    assert trial.storage.get_trial(trial._trial_id).intermediate_values == {1: -1.0, 2: -1 / 2, 3: -1 / 3}
    assert answers == [True, True, False]
    assert reporter.reached == 3


def test_optuna_hears_of_the_rungs_alone(scripted: ModuleType, trial: optuna.Trial) -> None:
    """The pruner would end the trial at epoch 3; asked at 2 and 5 only, it does so at 5."""
    reporter = TrialReporter(trial, baseline=False, rungs={2, 5}, epochs=10)
    answers = [reporter.epoch(scripted.make_epoch(epoch, 1 / epoch)) for epoch in (1, 2, 3, 4, 5)]
    assert answers == [True, True, True, True, False]
    assert trial.storage.get_trial(trial._trial_id).intermediate_values == {2: -1 / 2, 5: -1 / 5}
    with pytest.raises(TrialError, match=r"trial 0, epoch 6: received cross-entropy nan"):
        reporter.epoch(scripted.make_epoch(6, math.nan))


def test_the_baseline_is_never_pruned(scripted: ModuleType, trial: optuna.Trial) -> None:
    reporter = TrialReporter(trial, baseline=True, rungs=EVERY, epochs=10)
    assert all(reporter.epoch(scripted.make_epoch(epoch, 1.0)) for epoch in range(1, 10))


def test_nothing_is_pruned_in_its_last_epoch(scripted: ModuleType, trial: optuna.Trial) -> None:
    assert TrialReporter(trial, baseline=False, rungs=EVERY, epochs=4).epoch(scripted.make_epoch(4, 1.0))


def test_with_folds_each_fold_is_a_step_and_epochs_are_only_looked_at(
    scripted: ModuleType, trial: optuna.Trial
) -> None:
    """The pruner would end everything from step 3 on: epochs 3 and 4 go on, fold 3 does not, the last one would."""
    reporter = TrialReporter(trial, baseline=False, rungs=EVERY, epochs=10, folds=4)
    answers = []
    for number in (1, 2, 3, 4):
        assert all(reporter.epoch(scripted.make_epoch(epoch, 9.0)) for epoch in (1, 2, 3, 4))
        assert reporter.reached == 4
        answers.append(reporter.fold(number, 1 / number))
        assert reporter.reached == 0
    assert answers == [True, True, False, True]
    reported = trial.storage.get_trial(trial._trial_id).intermediate_values
    assert reported == {1: -1.0, 2: -1 / 2, 3: -1 / 3, 4: -1 / 4}


def test_no_fold_of_the_baseline_is_spared(trial: optuna.Trial) -> None:
    reporter = TrialReporter(trial, baseline=True, rungs=EVERY, epochs=10, folds=5)
    assert all(reporter.fold(number, 1.0) for number in (1, 2, 3, 4, 5))


def test_a_loss_that_is_no_number_ends_the_trial_in_whatever_fold(scripted: ModuleType, trial: optuna.Trial) -> None:
    reporter = TrialReporter(trial, baseline=False, rungs=EVERY, epochs=10, folds=3)
    reporter.epoch(scripted.make_epoch(1, 1.0))
    reporter.fold(1, 1.0)
    with pytest.raises(TrialError, match=r"trial 0, epoch 2: received cross-entropy nan"):
        reporter.epoch(scripted.make_epoch(2, math.nan))
    with pytest.raises(TrialError, match=r"trial 0, epoch 2: received cross-entropy inf"):
        reporter.fold(2, math.inf)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_no_number_ends_the_trial_with_its_epoch(
    scripted: ModuleType, trial: optuna.Trial, value: float
) -> None:
    reporter = TrialReporter(trial, baseline=False, rungs=EVERY, epochs=10)
    assert reporter.epoch(scripted.make_epoch(1, 1.0))
    with pytest.raises(TrialError, match=rf"trial 0, epoch 2: received cross-entropy {value}; .* learning rate"):
        reporter.epoch(scripted.make_epoch(2, value))


def test_a_measurement_without_a_number_is_refused(scripted: ModuleType) -> None:
    epochs = [scripted.make_epoch(1, 1.0)]
    check_finite(4, scripted.make_measurement(epochs))
    with pytest.raises(TrialError, match=r"trial 4, epoch 1: received cross-entropy nan"):
        check_finite(4, scripted.make_measurement(epochs, train_cross_entropy=math.nan))
