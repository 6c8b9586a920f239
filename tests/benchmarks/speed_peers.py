"""The two peers: an Optuna study and KerasTuner's RandomSearch over the same plain loop."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import optuna
from speed_keras import Loop
from speed_side import Budget

from sweep.search.suggest import suggest
from sweep.studyfile.definition import Configuration
from sweep.studyfile.space import Choices, FieldRange


def optuna_trials(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Peer (b): train our configurations, in our order, as an Optuna study in a SQLite file."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    loop = Loop(plan)
    study = optuna.create_study(
        storage=f"sqlite:///{plan['folder']}/optuna.db",
        sampler=optuna.samplers.RandomSampler(seed=plan["seed"]),
        pruner=optuna.pruners.NopPruner(),
        direction="minimize",
    )
    for parameters in plan["parameters"]:
        study.enqueue_trial(parameters)
    rows: list[dict[str, Any]] = []

    def objective(trial: optuna.Trial) -> float:
        keras.backend.clear_session()
        configuration = loop.definition.configuration(suggest(trial, loop.definition.space))
        logged = _trained(loop, configuration)
        rows.append({"number": trial.number, "parameters": dict(trial.params), **logged})
        return float(logged["validation_cross_entropy"])

    budget = Budget(plan["seconds"], plan["trials"])
    while budget.allows_another:
        start = time.perf_counter()
        study.optimize(objective, n_trials=1)
        budget.spent.append(time.perf_counter() - start)
    return _result(loop, budget, rows)


def tuner_trials(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Peer (c): KerasTuner's RandomSearch, which draws from the same space by itself."""
    warnings.simplefilter("ignore")  # each call of KerasTuner 1.4.8 meets a deprecation of Python's threading
    loop, budget = Loop(plan), Budget(plan["seconds"], plan["trials"])
    tuner = _TimedSearch(
        _HyperModel(loop),
        budget=budget,
        objective=keras_tuner.Objective("val_cross_entropy", "min"),
        max_trials=plan["trials"],
        seed=plan["seed"],
        executions_per_trial=1,
        directory=Path(plan["folder"]) / "tuner",
        overwrite=True,
    )
    tuner.search()
    return _result(loop, budget, tuner.rows)


class _HyperModel(keras_tuner.HyperModel):
    """The same loop, its hyperparameters drawn from the study's own space."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop
        self._configuration: Configuration | None = None

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        definition = self._loop.definition
        drawn = {name: _drawn(hp, name, values) for name, values in definition.space.items()}
        self._configuration = definition.configuration(drawn)
        return self._loop.build(self._configuration)

    def fit(
        self, hp: keras_tuner.HyperParameters, model: keras.Model, *, callbacks: list[keras.callbacks.Callback]
    ) -> dict[str, float]:
        assert self._configuration is not None
        training = self._configuration.training
        logged = self._loop.fit(model, training.batch_size, training.epochs, callbacks)
        return {name: values[-1] for name, values in logged.items()}


class _TimedSearch(keras_tuner.RandomSearch):
    """Times each trial, saving included, and ends the search where another one would not fit the time."""

    def __init__(self, hypermodel: keras_tuner.HyperModel, *, budget: Budget, **options: object) -> None:
        self.rows: list[dict[str, Any]] = []
        self._budget = budget
        self._start = 0.0
        super().__init__(hypermodel, **options)

    def on_trial_begin(self, trial: keras_tuner.engine.trial.Trial) -> None:
        self._start = time.perf_counter()
        super().on_trial_begin(trial)

    def on_trial_end(self, trial: keras_tuner.engine.trial.Trial) -> None:
        super().on_trial_end(trial)
        self._budget.spent.append(time.perf_counter() - self._start)
        ended = self.oracle.get_trial(trial.trial_id)
        if ended.status != "COMPLETED":
            raise RuntimeError(ended.message or f"a trial of KerasTuner ended as {ended.status}")
        found = {name: ended.metrics.get_best_value(f"val_{name}") for name in ("cross_entropy", "accuracy")}
        parameters = {name: ended.hyperparameters.get(name) for name in ended.hyperparameters.values}
        self.rows.append(
            {
                "number": len(self.rows),
                "parameters": parameters,
                **{f"validation_{name}": value for name, value in found.items()},
            }
        )
        if not self._budget.allows_another:
            self.oracle.max_trials = len(self.rows)


def _trained(loop: Loop, configuration: Configuration) -> dict[str, float]:
    training = configuration.training
    logged = loop.fit(loop.build(configuration), training.batch_size, training.epochs)
    return {
        "validation_cross_entropy": logged["val_cross_entropy"][-1],
        "validation_accuracy": logged["val_accuracy"][-1],
    }


def _drawn(hp: keras_tuner.HyperParameters, name: str, values: FieldRange) -> Any:  # noqa: ANN401 - as KerasTuner
    if isinstance(values, Choices):
        return hp.Choice(name, list(values.values))
    if values.integer:
        return hp.Int(name, int(values.low), int(values.high), step=int(values.step or 1))
    return hp.Float(name, values.low, values.high, sampling="log" if values.log else "linear")


def _result(loop: Loop, budget: Budget, rows: list[dict[str, Any]]) -> dict[str, Any]:
    timed = [{**row, "seconds": seconds} for row, seconds in zip(rows, budget.spent, strict=True)]
    return {"setup": loop.setup, "trials": timed}
