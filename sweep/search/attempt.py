"""One trial: drawn, compared with the earlier ones, trained, recorded - whatever its fate."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import optuna
from optuna.exceptions import TrialPruned, UpdateFinishedTrialError
from optuna.trial import FrozenTrial

from sweep.errors import DefinitionError, SweepError, TrialError
from sweep.records import FailureRecord, Measurement, Scalar, TrialRecord, TrialState
from sweep.search import marks
from sweep.search.hyperparameters import HyperparameterSupply
from sweep.search.objective import objective_value
from sweep.search.process import Process
from sweep.search.reporter import TrialReporter, check_finite
from sweep.search.schedule import rungs
from sweep.search.suggest import suggest
from sweep.store.results import Database
from sweep.studyfile.definition import Configuration, FoldSettings, StudyDefinition

if TYPE_CHECKING:
    from sweep.search.keras_tuner import Candidates
    from sweep.training.folds import FoldReporter

__all__ = ["INTERRUPTED", "KILLED", "NAN", "Attempt", "NotNeeded", "TrainsConfigurations", "TrialFailed"]

INTERRUPTED = "interrupted"
KILLED = "killed"
NAN = "nan"

_LONGEST_REASON = 1000


class TrainsConfigurations(Protocol):
    """Whoever can train a configuration; the search knows nothing else of training."""

    def train(
        self, configuration: Configuration, *, seed: Sequence[int], reporter: FoldReporter, thorough: bool = False
    ) -> Measurement:
        """Train once, or once a fold.

        Args:
            configuration: of the trial.
            seed: (study seed, trial number).
            reporter: hears of every epoch, and of every fold where there are folds, and may end the trial.
            thorough: measure all that there is to measure, as for the baseline.
        """
        ...


class TrialFailed(Exception):  # noqa: N818 - tells Optuna of the trial's fate; the search is in order
    """The trial failed and our tables hold the reason: Optuna marks it, the search goes on."""


class NotNeeded(BaseException):
    """The trial waits again: other processes run the study's last ones.

    No `Exception`, so that Optuna does not take the trial for a failed one.
    """


class _RepeatsError(Exception):
    """The trial has the parameters of a finished one."""

    def __init__(self, earlier: FrozenTrial) -> None:
        super().__init__(f"as trial {earlier.number}")
        self.earlier = earlier


@dataclass(frozen=True, slots=True, kw_only=True)
class _Running:
    """A trial under way."""

    trial: optuna.Trial
    baseline: bool
    started: datetime.datetime


class Attempt:
    """The function that Optuna's `optimize` calls for each trial.

    First the trial's marks are set, then our row is written, then Optuna hears of the end: a process killed in between
    leaves a running trial whose row says that its marks are complete, never a finished one without a result.

    Args:
        definition: of the study.
        database: where the results land.
        trainer: who trains a configuration.
        worker: this process.
        candidates: of the study's hypermodel, if it has one; the trainer has it too.

    Attributes:
        number: of the trial that was begun; −1 before that.
        record: how it ended; None before that.
    """

    def __init__(
        self,
        *,
        definition: StudyDefinition,
        database: Database,
        trainer: TrainsConfigurations,
        worker: Process,
        candidates: Candidates | None = None,
    ) -> None:
        self.number = -1
        self.record: TrialRecord | None = None
        self._definition = definition
        self._database = database
        self._trainer = trainer
        self._worker = worker
        self._candidates = candidates
        self._rungs = rungs(definition)
        validation = definition.data.validation
        self._folds = validation.folds * validation.repeats if isinstance(validation, FoldSettings) else 0

    def reset(self) -> None:
        """Forget the last trial."""
        self.number, self.record = -1, None

    def __call__(self, trial: optuna.Trial) -> float:
        """Run the trial; returns its objective, raises `TrialPruned`, `TrialFailed` or `NotNeeded`."""
        self.number = trial.number
        trial.set_user_attr(marks.WORKER, self._worker.stored)
        self._check_needed(trial)
        running = _Running(
            trial=trial,
            baseline=bool(trial.user_attrs.get(marks.BASELINE)),
            started=datetime.datetime.now(datetime.UTC),
        )
        try:
            return self._run(running)
        except KeyboardInterrupt:
            self._fail(running, FailureRecord(kind=INTERRUPTED, reason="stopped by Ctrl-C or SIGTERM"))
            raise

    def _check_needed(self, trial: optuna.Trial) -> None:
        """Put the trial back where the total is reached without it.

        Two processes may both have found one trial missing and have begun one each. Of the running ones each process
        counts those with smaller numbers than its own, so that exactly one of the two goes on.
        """
        trials = trial.study.get_trials(deepcopy=False)
        earlier = sum(other.state is optuna.trial.TrialState.RUNNING for other in trials[: trial.number])
        if earlier and len(marks.counted(trials)) + earlier >= self._definition.search.trials:
            trial.storage.set_trial_state_values(trial._trial_id, optuna.trial.TrialState.WAITING)
            raise NotNeeded

    def _run(self, running: _Running) -> float:
        outside = running.baseline and self._definition.baseline_parameters() is None
        parameters = {} if outside else suggest(running.trial, self._definition.space)
        epochs = int(parameters.get("epochs", self._definition.training.epochs))
        reporter = TrialReporter(
            running.trial, baseline=running.baseline, rungs=self._rungs, epochs=epochs, folds=self._folds
        )
        try:
            configuration, measurement = self._train(running, parameters, reporter)
            check_finite(running.trial.number, measurement)
        except _RepeatsError as repeats:
            known = {**parameters, **running.trial.params}
            return self._take_over(running, repeats.earlier, self._definition.configuration(known))
        except UpdateFinishedTrialError:
            raise  # another process took this one for dead; the runner says so
        except Exception as error:
            failure = _failure(error, reporter.reached)
            self._fail(running, failure)
            if self._candidates is not None and isinstance(error, DefinitionError):
                raise  # the hypermodel asks for what no trial can have
            raise TrialFailed(failure.reason) from error
        return self._succeed(running, configuration, measurement)

    def _train(
        self, running: _Running, parameters: Mapping[str, Scalar], reporter: TrialReporter
    ) -> tuple[Configuration, Measurement]:
        """Train what was drawn; a hypermodel draws the rest while it is built."""
        configuration = self._definition.configuration(parameters)
        seed = (self._definition.search.seed, running.trial.number)
        if self._candidates is None:
            self._check_new(running, parameters)
            return configuration, self._trainer.train(
                configuration, seed=seed, reporter=reporter, thorough=running.baseline
            )
        supply = HyperparameterSupply(running.trial, self._definition.space, baseline=running.baseline)
        with self._candidates.drawing(supply, lambda: self._check_new(running, running.trial.params)) as tuned:
            measurement = self._trainer.train(configuration, seed=seed, reporter=reporter, thorough=running.baseline)
        return self._definition.configuration({**parameters, **tuned.values}), measurement

    def _check_new(self, running: _Running, parameters: Mapping[str, Scalar]) -> None:
        """Raise where a finished trial has these parameters; the baseline is trained whatever other trials have."""
        for past in marks.counted(running.trial.study.get_trials(deepcopy=False)):
            if past.params == parameters and (marks.is_baseline(past) or not running.baseline):
                raise _RepeatsError(past)

    def _succeed(self, running: _Running, configuration: Configuration, measurement: Measurement) -> float:
        trial, name = running.trial, self._definition.name
        value = objective_value(measurement, self._definition.search)
        for key, shown in marks.shown(measurement, value).items():
            trial.set_user_attr(key, shown)
        stored = configuration.stored()
        self._database.save_measurement(
            name, trial.number, baseline=running.baseline, configuration=stored, measurement=measurement
        )
        pruned = measurement.stopped == "pruned"
        self._end(running, stored, pruned=pruned, value=value, measurement=measurement)
        if pruned:
            raise TrialPruned
        return value

    def _take_over(self, running: _Running, earlier: FrozenTrial, configuration: Configuration) -> float:
        """Give the trial the result of the one that trained the same configuration."""
        trial, stored = running.trial, configuration.stored()
        trial.set_user_attr(marks.DUPLICATE_OF, earlier.number)
        for key in marks.SHOWN:
            if key in earlier.user_attrs:
                trial.set_user_attr(key, earlier.user_attrs[key])
        pruned = earlier.state is optuna.trial.TrialState.PRUNED
        if pruned or self._folds:
            # Optuna takes the last of these for the value of a pruned trial, and compares folds with the best trial's.
            for epoch, reported in earlier.intermediate_values.items():
                trial.report(reported, epoch)
        self._database.save_duplicate(self._definition.name, trial.number, stored, earlier.number)
        self._end(running, stored, pruned=pruned, value=earlier.value, duplicate_of=earlier.number)
        if pruned or earlier.value is None:
            raise TrialPruned
        return earlier.value

    def _end(
        self,
        running: _Running,
        configuration: Mapping[str, Scalar],
        *,
        pruned: bool,
        value: float | None,
        measurement: Measurement | None = None,
        duplicate_of: int | None = None,
    ) -> None:
        self.record = TrialRecord(
            number=running.trial.number,
            state=TrialState.PRUNED if pruned else TrialState.COMPLETE,
            baseline=running.baseline,
            parameters=running.trial.params,
            configuration=configuration,
            objective=None if pruned else value,
            duplicate_of=duplicate_of,
            started=running.started,
            finished=datetime.datetime.now(datetime.UTC),
            measurement=measurement,
        )

    def _fail(self, running: _Running, failure: FailureRecord) -> None:
        parameters = running.trial.params
        configuration = {**self._definition.baseline.stored(), **parameters}
        self._database.save_failure(
            self._definition.name,
            running.trial.number,
            baseline=running.baseline,
            configuration=configuration,
            failure=failure,
        )
        self.record = TrialRecord(
            number=running.trial.number,
            state=TrialState.FAILED,
            baseline=running.baseline,
            parameters=parameters,
            configuration=configuration,
            objective=None,
            started=running.started,
            finished=datetime.datetime.now(datetime.UTC),
            failure=failure,
        )


def _failure(error: Exception, reached: int) -> FailureRecord:
    """The reason on one line; a NaN loss is told apart, with its epoch.

    Args:
        error: what training raised.
        reached: the last epoch that was reported, 0 before the first.
    """
    text = " ".join(str(error).split())[:_LONGEST_REASON]
    if isinstance(error, TrialError) and re.search(r"\b(nan|inf)\b", error.received, re.IGNORECASE):
        named = re.search(r"\bepoch (\d+)", text)
        return FailureRecord(kind=NAN, reason=text, epoch=int(named[1]) if named else reached + 1)
    kind = type(error).__name__
    reason = text if isinstance(error, SweepError) else f"{kind}: {text}" if text else kind
    return FailureRecord(kind=kind, reason=reason, epoch=reached + 1 if reached else None)
