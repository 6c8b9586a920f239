"""How far a study is: what nobody runs is open, and what a dead process left is queued again."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import optuna
import pytest
from optuna.trial import TrialState

from sweep.progress import Silent
from sweep.search import marks
from sweep.search.process import this_process
from sweep.search.standing import Standing, study_standing
from sweep.store.results import Database

DEAD = replace(this_process(), started="1") if this_process().started else replace(this_process(), pid=2**22 + 1)
ELSEWHERE = replace(this_process(), host="elsewhere")


@pytest.mark.parametrize(
    ("finished", "running", "is_open", "is_complete"),
    [(0, 0, True, False), (3, 1, False, False), (4, 0, False, True), (5, 1, False, True)],
)
def test_a_study_is_open_until_somebody_runs_its_last_trial(
    finished: int, running: int, is_open: bool, is_complete: bool
) -> None:
    standing = Standing(finished=finished, running=running, total=4)
    assert (standing.open, standing.complete) == (is_open, is_complete)


def test_trials_are_counted_and_those_of_the_dead_run_again(scripted: ModuleType, database: Database) -> None:
    definition = scripted.make_definition(trials=4)
    scripted.add_study(database, definition)
    storage = database.optuna_storage(heartbeat_interval=60)
    assert study_standing(definition, database, storage, Silent()) == Standing(finished=0, running=0, total=4)
    study = optuna.create_study(study_name="toys", storage=database.optuna_storage(), direction="maximize")
    for worker in (DEAD, ELSEWHERE, ELSEWHERE):
        study.enqueue_trial({"dropout": 0.25}, user_attrs={marks.WORKER: worker.stored})
        trial = study.ask()
    study.tell(trial, 0.5)
    duplicate = study.ask()
    duplicate.set_user_attr(marks.DUPLICATE_OF, 2)
    study.tell(duplicate, 0.5)
    assert study_standing(definition, database, storage, Silent()) == Standing(finished=1, running=1, total=4)
    states = [trial.state for trial in study.get_trials()]
    assert states == [TrialState.FAIL, TrialState.RUNNING, *2 * [TrialState.COMPLETE], TrialState.WAITING]
