"""How far a study is, for who asks whether it needs another process."""

from __future__ import annotations

from dataclasses import dataclass

from optuna.storages import RDBStorage
from optuna.trial import TrialState

from sweep.progress import Progress
from sweep.search import marks
from sweep.search.process import this_process
from sweep.search.quiet import quiet_optuna
from sweep.search.trial_queue import TrialQueue
from sweep.store.optuna_storage import load_optuna_study
from sweep.store.results import Database
from sweep.studyfile.definition import StudyDefinition

__all__ = ["Standing", "study_standing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Trials of a study.

    Attributes:
        finished: those that count towards the total.
        running: in any process.
        total: how many there shall be.
    """

    finished: int
    running: int
    total: int

    @property
    def open(self) -> bool:
        """Whether trials are left that nobody runs."""
        return self.finished + self.running < self.total

    @property
    def complete(self) -> bool:
        """Whether the study has its total."""
        return self.finished >= self.total


def study_standing(
    definition: StudyDefinition, database: Database, storage: RDBStorage, progress: Progress
) -> Standing:
    """Count a study's trials, after what dead processes have left was queued again.

    Args:
        definition: of a study that was added to the database.
        database: holds it.
        storage: Optuna's over the same database, with heartbeats, so that the trials of other machines count, too.
        progress: hears of what was recovered.

    Raises:
        StoreError: the database does not answer.
    """
    total = definition.search.trials
    with database.translated(), quiet_optuna():
        try:
            study = load_optuna_study(storage, definition.name)
        except KeyError:  # nobody has begun
            return Standing(finished=0, running=0, total=total)
        queue = TrialQueue(
            study=study, definition=definition, database=database, worker=this_process(), progress=progress
        )
        queue.fail_stale()
        trials = queue.recover()
    running = sum(trial.state is TrialState.RUNNING for trial in trials)
    return Standing(finished=len(marks.counted(trials)), running=running, total=total)
