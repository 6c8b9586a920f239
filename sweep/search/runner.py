"""The search: ask, train, record, tell, until the study has its trials."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import optuna
from optuna.trial import FrozenTrial, TrialState

from sweep.errors import SearchError
from sweep.progress import Advance, Progress
from sweep.records import FailureRecord, TrialRecord
from sweep.search import marks
from sweep.search.attempt import Attempt, NotNeeded, TrainsConfigurations, TrialFailed
from sweep.search.process import this_process
from sweep.search.quiet import quiet_optuna
from sweep.search.schedule import make_pruner, make_sampler
from sweep.search.suggest import space_size
from sweep.search.trial_queue import TrialQueue
from sweep.store.results import Database
from sweep.studyfile.definition import StudyDefinition

if TYPE_CHECKING:
    from sweep.search.keras_tuner import Candidates

__all__ = ["SearchOutcome", "TrainsConfigurations", "run_search"]

HEARTBEAT_SECONDS = 30
MOST_REPETITIONS = 50
"""Trials that repeat finished ones, none of the others new, after which a space counts as exhausted."""
FIRST_FAILURES = 5
LATER_FAILURES = 20
"""Like failures in a row that end a run: before its first finished trial, and after it."""

_EXHAUSTED = "the space is exhausted"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOutcome:
    """Where a study stands after a run.

    Attributes:
        finished: trials of the study that count towards its total: complete and pruned, without duplicates.
        pruned: how many of these were pruned.
        failed: trials of the study that failed, killed and interrupted ones included.
        duplicates: trials of the study that took over an earlier result.
        seconds: wall time of this run.
        complete: whether the study has its total of trials, or has tried all that its space holds.
        stopped_because: a clause for the user, such as "30 of 30 trials are finished".
    """

    finished: int
    pruned: int
    failed: int
    duplicates: int
    seconds: float
    complete: bool
    stopped_because: str


def run_search(
    *,
    definition: StudyDefinition,
    database: Database,
    trainer: TrainsConfigurations,
    progress: Progress,
    timeout: float | None = None,
    candidates: Candidates | None = None,
) -> SearchOutcome:
    """Run trials until the study has `definition.search.trials` finished ones, however many runs that takes.

    A run ends with exactly that total, however many processes share the study.

    Args:
        definition: what to search; its study must have been added to the database.
        database: where the results land.
        trainer: who trains a configuration.
        progress: hears of each trial that ends, and of what was recovered.
        timeout: seconds after which no further trial is started.
        candidates: of the study's hypermodel, if it has one; the trainer has it too.

    Raises:
        DefinitionError: the sampler cannot draw from the space, or a hyperparameter of a hypermodel cannot be drawn.
        SearchError: the first five trials of the run all failed alike, or twenty in a row did later.
        StoreError: the database is locked, full or gone.
        KeyboardInterrupt: after the running trial was recorded and queued again.
    """
    with database.translated():
        search = _Search(definition, database, trainer, progress, candidates)
        with quiet_optuna():
            return search.run(timeout)


class _Search:
    """One run of a study in one process."""

    def __init__(
        self,
        definition: StudyDefinition,
        database: Database,
        trainer: TrainsConfigurations,
        progress: Progress,
        candidates: Candidates | None,
    ) -> None:
        self._definition = definition
        self._progress = progress
        self._total = definition.search.trials
        self._study = optuna.create_study(
            storage=database.optuna_storage(heartbeat_interval=HEARTBEAT_SECONDS),
            study_name=definition.name,
            sampler=make_sampler(definition),
            pruner=make_pruner(definition),
            direction="maximize",
            load_if_exists=True,
        )
        worker = this_process()
        self._attempt = Attempt(
            definition=definition, database=database, trainer=trainer, worker=worker, candidates=candidates
        )
        self._queue = TrialQueue(
            study=self._study, definition=definition, database=database, worker=worker, progress=progress
        )
        self._start = time.monotonic()
        self._repetitions = 0
        self._failures: list[FailureRecord] = []
        self._any_finished = False

    def run(self, timeout: float | None) -> SearchOutcome:
        """Run trials until there is a reason to stop."""
        self._queue.fail_stale()
        self._queue.recover()
        self._queue.ensure_baseline()
        trials = self._trials()
        # Others may have searched beside this process until the stage's end, and one of them may have been killed.
        while (reason := self._reason_to_stop(trials, timeout)) is None:
            left = max(0, self._total - len(marks.counted(trials)))
            with self._progress.stage("trials", left, "trials") as advance:
                while self._reason_to_stop(trials, timeout) is None:
                    self._queue.ensure_waiting(trials)
                    self._run_one(advance)
                    trials = self._queue.recover()
            trials = self._queue.recover()
        if reason.startswith(_EXHAUSTED):
            self._progress.note(f"{reason}: widen [space] to search on")
        return self._outcome(reason)

    def _run_one(self, advance: Advance) -> None:
        self._attempt.reset()
        try:
            self._study.optimize(self._attempt, n_trials=1, catch=(TrialFailed,))
        except NotNeeded:
            return
        except KeyboardInterrupt:
            self._queue.recover()
            raise
        except ValueError:
            # Optuna refuses to finish a trial that another process has taken for dead: after a long sleep, say.
            if not self._was_taken_away():
                raise
            self._progress.note(f"trial {self._attempt.number} was taken for dead by another process and runs again")
            return
        assert self._attempt.record is not None
        self._note_end(self._attempt.record, advance)

    def _note_end(self, record: TrialRecord, advance: Advance) -> None:
        self._progress.trial(record)
        if record.failure is not None:
            self._failures.append(record.failure)
            self._check_failures()
        else:
            self._failures.clear()
            self._any_finished = True
        if record.duplicate_of is not None:
            self._repetitions += 1
        elif record.failure is None:
            self._repetitions = 0
            advance()

    def _check_failures(self) -> None:
        """Stop a run whose trials fail for a reason that lies outside of them."""
        limit = LATER_FAILURES if self._any_finished else FIRST_FAILURES
        last = self._failures[-limit:]
        if len(last) < limit or len({_likeness(failure) for failure in last}) > 1:
            return
        raise SearchError(
            f"study {self._definition.name!r}",
            received=f"{'the first ' if not self._any_finished else ''}{limit} trials in a row with the same failure "
            f"({last[-1].reason})",
            expected="trials that can be trained",
            remedy="mend the cause and run the same command again: the study goes on where it stopped",
        )

    def _reason_to_stop(self, trials: list[FrozenTrial], timeout: float | None) -> str | None:
        finished = len(marks.counted(trials))
        elsewhere = sum(trial.state is TrialState.RUNNING for trial in trials)
        if finished >= self._total:
            return f"{finished} of {self._total} trials are finished"
        if finished + elsewhere >= self._total:
            return f"{finished} of {self._total} trials are finished, the others run in other processes"
        if timeout is not None and time.monotonic() - self._start >= timeout:
            return f"the time of {timeout:g} s is over with {finished} of {self._total} trials finished"
        if self._is_exhausted(trials):
            return f"{_EXHAUSTED} with {finished} of {self._total} trials finished"
        return None

    def _is_exhausted(self, trials: list[FrozenTrial]) -> bool:
        """Whether every configuration of the space was tried, or new draws have long been repetitions."""
        if any(trial.state is TrialState.WAITING for trial in trials):
            return False
        if self._repetitions >= MOST_REPETITIONS:
            return True
        if self._definition.model.hypermodel:
            return False  # nobody knows its space beforehand
        space = self._definition.space
        size = space_size(space)
        if size is None or len(trials) < size:
            return False
        drawn = [trial.params for trial in trials if trial.params.keys() == space.keys()]
        return len({tuple(parameters[name] for name in space) for parameters in drawn}) >= size

    def _was_taken_away(self) -> bool:
        return any(trial.number == self._attempt.number and trial.state is TrialState.FAIL for trial in self._trials())

    def _outcome(self, reason: str) -> SearchOutcome:
        trials = self._trials()
        finished = marks.counted(trials)
        return SearchOutcome(
            finished=len(finished),
            pruned=sum(trial.state is TrialState.PRUNED for trial in finished),
            failed=sum(trial.state is TrialState.FAIL for trial in trials),
            duplicates=sum(marks.DUPLICATE_OF in trial.user_attrs for trial in trials if trial.state in marks.FINISHED),
            seconds=time.monotonic() - self._start,
            complete=len(finished) >= self._total or self._is_exhausted(trials),
            stopped_because=reason,
        )

    def _trials(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)


def _likeness(failure: FailureRecord) -> tuple[str, str]:
    """What two failures share that differ in their trial and epoch only."""
    return failure.kind, re.sub(r"\d+", "#", failure.reason)
