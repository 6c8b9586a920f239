"""The peer of a race, in a process of its own: the plain loop under our sampler, pruner and objective."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import optuna
from optuna.trial import TrialState
from speed_keras import Loop
from speed_race import add_line, read_history, trial_lines
from speed_side import Budget
from speed_table import balanced_objective

from sweep.search.schedule import make_pruner, make_sampler
from sweep.search.suggest import suggest
from sweep.training.evaluation import evaluate


def race_peer(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Go on with the peer's study until it has its trials or the time is over; at least one trial."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    place, loop = Path(plan["folder"]), Loop(plan)
    study = optuna.create_study(
        storage=f"sqlite:///{place}/peer.db",
        study_name="peer",
        sampler=make_sampler(loop.definition),
        pruner=make_pruner(loop.definition),
        direction="maximize",
        load_if_exists=True,
    )
    _take_up(study, loop)
    if not read_history(place):
        add_line(place, {"setup": time.time() - plan["started"]})
    budget = Budget(plan["seconds"], plan["trials"] - len(trial_lines(place)))
    while budget.allows_another:
        raced, start = _Raced(loop), time.perf_counter()
        study.optimize(raced, n_trials=1)
        seconds = time.perf_counter() - start
        budget.spent.append(seconds)
        _note(place, study.get_trials(deepcopy=False)[raced.number], seconds, raced.evaluating)
    return {"trials": trial_lines(place)}


def _take_up(study: optuna.Study, loop: Loop) -> None:
    """Queue the baseline in a new study, and again what an earlier process was killed in."""
    if not study.get_trials(deepcopy=False):
        study.enqueue_trial(loop.definition.baseline_parameters() or {})
    for left in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(left.number, state=TrialState.FAIL)
        study.enqueue_trial(left.params)


def _note(place: Path, trial: optuna.trial.FrozenTrial, seconds: float, evaluating: float) -> None:
    line = {
        "number": trial.number,
        "state": trial.state.name.lower(),
        "parameters": dict(trial.params),
        "objective": trial.value if trial.state is TrialState.COMPLETE else None,
        "seconds": seconds - evaluating,
        "evaluating": evaluating,
    }
    add_line(place, line)


class _Raced:
    """The objective of one trial.

    Attributes:
        number: of the trial.
        evaluating: seconds that went into J once the model was trained.
    """

    def __init__(self, loop: Loop) -> None:
        self.number = 0
        self.evaluating = 0.0
        self._loop = loop

    def __call__(self, trial: optuna.Trial) -> float:
        self.number = trial.number
        keras.backend.clear_session()
        definition = self._loop.definition
        configuration = definition.configuration(suggest(trial, definition.space))
        model, training = self._loop.build(configuration), configuration.training
        reports = _Reports(trial, training.epochs)
        self._loop.fit(model, training.batch_size, training.epochs, [reports])
        if reports.pruned:
            raise optuna.TrialPruned
        start = time.perf_counter()
        value = self._objective(model)
        self.evaluating = time.perf_counter() - start
        return value

    def _objective(self, model: keras.Model) -> float:
        sides = (self._loop.train, self._loop.validation)
        train, validation = (evaluate(model.predict(side.pixels, verbose=0), side.labels) for side in sides)
        weight = self._loop.definition.search.gap_weight
        return balanced_objective(train.cross_entropy, validation.cross_entropy, validation.cross_entropy_error, weight)


class _Reports(keras.callbacks.Callback):
    """Tells Optuna each epoch's clean −CE_val, and ends a hopeless trial, as ours does.

    The baseline, which is number 0, is trained to its end, and at the last epoch nothing is left to save.
    """

    def __init__(self, trial: optuna.Trial, epochs: int) -> None:
        super().__init__()
        self.pruned = False
        self._trial = trial
        self._epochs = epochs

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        assert logs is not None
        self._trial.report(-logs["val_cross_entropy"], epoch + 1)
        if self._trial.number and epoch + 1 < self._epochs and self._trial.should_prune():
            self.pruned = self.model.stop_training = True
