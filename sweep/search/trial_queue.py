"""The trials that wait to be run: the baseline, what killed or interrupted processes left, and places for new draws.

Every trial waits before it runs, marked with the process that queued it; the process that takes it puts its own mark
there first of all. So a running trial always names a process, and one that names a dead process was left behind. A mark
can be wrong for the moment between the two steps; then a trial is taken from a living process, which Optuna refuses to
let it finish, and runs again: never is a result counted twice.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.trial import FrozenTrial, TrialState

from sweep.progress import Progress
from sweep.records import FailureRecord, Scalar, TrialRecord
from sweep.search import marks
from sweep.search.attempt import INTERRUPTED, KILLED
from sweep.search.process import Process, is_dead
from sweep.store.results import Database
from sweep.studyfile.definition import StudyDefinition

__all__ = ["MOST_KILLS", "TrialQueue"]

MOST_KILLS = 5
"""A configuration that took so many processes with it (out of memory, say) is not tried again."""


class TrialQueue:
    """What runs next in a study; asked between trials, never during one."""

    def __init__(
        self,
        *,
        study: optuna.Study,
        definition: StudyDefinition,
        database: Database,
        worker: Process,
        progress: Progress,
    ) -> None:
        self._study = study
        self._definition = definition
        self._database = database
        self._worker = worker
        self._progress = progress
        self._seen_failures: set[int] = set()

    def ensure_baseline(self) -> None:
        """Queue the baseline unless it is finished, runs or waits; one that failed in an earlier run gets a new try."""
        alive = (*marks.FINISHED, TrialState.RUNNING, TrialState.WAITING)
        if not any(marks.is_baseline(trial) for trial in self._study.get_trials(deepcopy=False, states=alive)):
            self._add(self._definition.baseline_parameters() or {}, {marks.BASELINE: True})

    def ensure_waiting(self, trials: Sequence[FrozenTrial]) -> None:
        """Queue a place for a new draw unless one of the trials waits: what waits is run first."""
        if not any(trial.state is TrialState.WAITING for trial in trials):
            self._add({}, {})

    def fail_stale(self) -> None:
        """Have Optuna mark what other hosts have left behind; it does so by itself before each further trial."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            optuna.storages.fail_stale_trials(self._study)

    def recover(self) -> list[FrozenTrial]:
        """Finish what a dead process had finished, and queue again what it had not.

        Returns:
            The study's trials afterwards.
        """
        trials = self._study.get_trials(deepcopy=False)
        left = [trial for trial in trials if self._is_left(trial)]
        if not left:
            return trials
        records = {record.number: record for record in self._database.trials(self._definition.name)}
        for trial in left:
            record = records.get(trial.number)
            if trial.state is TrialState.RUNNING and record is not None and _has_result(record):
                self._finish(trial)
            else:
                self._retry(trial, record.failure if record else None, trials)
        return self._study.get_trials(deepcopy=False)

    def _is_left(self, trial: FrozenTrial) -> bool:
        """Whether a trial ended without Optuna hearing of it, or failed in a way not looked at so far."""
        if trial.state is TrialState.FAIL:
            return trial.number not in self._seen_failures
        worker = Process.read(trial.user_attrs.get(marks.WORKER))
        return trial.state is TrialState.RUNNING and worker is not None and (worker == self._worker or is_dead(worker))

    def _finish(self, trial: FrozenTrial) -> None:
        """Tell Optuna the result that the trial's marks hold."""
        if trial.user_attrs[marks.STOPPED] == "pruned":
            self._tell(trial, None, TrialState.PRUNED)
        else:
            self._tell(trial, trial.user_attrs[marks.OBJECTIVE], TrialState.COMPLETE)

    def _retry(self, trial: FrozenTrial, failure: FailureRecord | None, trials: Sequence[FrozenTrial]) -> None:
        """Queue a trial again that ended through no fault of its own, then mark it failed.

        In this order, so that no moment exists at which a killed process loses a configuration.
        """
        retried = any(other.user_attrs.get(marks.RETRY_OF) == trial.number for other in trials)
        if (failure is None or failure.kind in {KILLED, INTERRUPTED}) and not retried:
            self._queue_again(trial, interrupted=failure is not None and failure.kind == INTERRUPTED)
        if failure is None:
            self._save_killed(trial)
        if trial.state is TrialState.RUNNING:
            self._tell(trial, None, TrialState.FAIL)
        self._seen_failures.add(trial.number)

    def _queue_again(self, trial: FrozenTrial, *, interrupted: bool) -> None:
        parameters = marks.queued_parameters(trial)
        if not parameters and not marks.is_baseline(trial):
            return
        kills = int(trial.user_attrs.get(marks.KILLS, 0)) + (not interrupted)
        if kills >= MOST_KILLS:
            self._progress.note(f"trial {trial.number} is given up: {kills} processes were killed while they ran it")
            return
        attributes = {marks.RETRY_OF: trial.number, marks.KILLS: kills}
        if marks.is_baseline(trial):
            attributes[marks.BASELINE] = True
        self._add(parameters, attributes)
        self._progress.note(f"trial {trial.number} was {INTERRUPTED if interrupted else KILLED} and runs again")

    def _save_killed(self, trial: FrozenTrial) -> None:
        self._database.save_failure(
            self._definition.name,
            trial.number,
            baseline=marks.is_baseline(trial),
            configuration={**self._definition.baseline.stored(), **trial.params},
            failure=FailureRecord(kind=KILLED, reason="the process that ran it ended without a word"),
        )

    def _add(self, parameters: Mapping[str, Scalar], attributes: Mapping[str, object]) -> None:
        self._study.enqueue_trial(dict(parameters), user_attrs={marks.WORKER: self._worker.stored, **attributes})

    def _tell(self, trial: FrozenTrial, value: float | None, state: TrialState) -> None:
        try:
            self._study.tell(trial.number, value, state)
        except ValueError:
            # Another process recovered the same trial a moment ago: that is what Optuna's refusal means here.
            now = self._study.get_trials(deepcopy=False)[trial.number]
            if not now.state.is_finished():
                raise


def _has_result(record: TrialRecord) -> bool:
    """Whether our tables hold a row of the trial that is not about a failure."""
    return bool(record.configuration) and record.failure is None
