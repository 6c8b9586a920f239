"""What killed processes leave behind, and what becomes of it."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import optuna
import pytest
from optuna.trial import TrialState

from sweep.progress import Progress
from sweep.records import FailureRecord, TrialRecord
from sweep.records import TrialState as Fate
from sweep.search import marks
from sweep.search.process import this_process
from sweep.search.runner import SearchOutcome
from sweep.search.trial_queue import MOST_KILLS, TrialQueue
from sweep.store.results import Database, open_database
from sweep.studyfile.definition import StudyDefinition


class Notebook(Progress, Protocol):
    """The progress that remembers."""

    notes: list[str]
    trials: list[TrialRecord]


Search = Callable[..., SearchOutcome]
DEAD = replace(this_process(), started="1") if this_process().started else replace(this_process(), pid=2**22 + 1)


@pytest.fixture
def definition(scripted: ModuleType) -> StudyDefinition:
    """A study with its baseline inside the space."""
    made: StudyDefinition = scripted.make_definition(trials=4)
    return made


@pytest.fixture
def study(database: Database, scripted: ModuleType, definition: StudyDefinition) -> optuna.Study:
    """An Optuna study in the database, and ours beside it."""
    scripted.add_study(database, definition)
    return optuna.create_study(study_name="toys", storage=database.optuna_storage(), direction="maximize")


@pytest.fixture
def queue(study: optuna.Study, database: Database, definition: StudyDefinition, notebook: Notebook) -> TrialQueue:
    """The queue of this process."""
    return TrialQueue(study=study, definition=definition, database=database, worker=this_process(), progress=notebook)


def left_running(study: optuna.Study, parameters: dict[str, Any], **attributes: object) -> optuna.Trial:
    """A trial whose process died."""
    study.enqueue_trial(parameters, user_attrs={marks.WORKER: DEAD.stored, **attributes})
    return study.ask()


def test_the_baseline_is_queued_once(study: optuna.Study, queue: TrialQueue) -> None:
    queue.ensure_baseline()
    queue.ensure_baseline()
    (waiting,) = study.get_trials()
    assert waiting.state is TrialState.WAITING
    assert waiting.user_attrs["baseline"] is True
    assert waiting.system_attrs["fixed_params"] == {"batch_size": 32, "dropout": 0.5, "l2": 1e-3}


def test_a_place_for_a_new_draw_is_queued_only_where_nothing_waits(study: optuna.Study, queue: TrialQueue) -> None:
    queue.ensure_baseline()
    queue.ensure_waiting(study.get_trials())
    assert len(study.get_trials()) == 1
    study.ask()
    queue.ensure_waiting(study.get_trials())
    assert [trial.state for trial in study.get_trials()] == [TrialState.RUNNING, TrialState.WAITING]


def test_the_parameters_of_a_killed_trial_wait_again_under_a_new_number(
    study: optuna.Study, queue: TrialQueue, database: Database, notebook: Notebook
) -> None:
    left_running(study, {"dropout": 0.25}, baseline=True).suggest_float("l2", 0.1, 0.1)
    queue.recover()
    killed, waiting = study.get_trials()
    assert (killed.state, waiting.state) == (TrialState.FAIL, TrialState.WAITING)
    assert waiting.system_attrs["fixed_params"] == {"dropout": 0.25, "l2": 0.1}
    assert (waiting.user_attrs["retry_of"], waiting.user_attrs["baseline"]) == (0, True)
    failure = database.trials("toys")[0].failure
    assert failure == FailureRecord(kind="killed", reason="the process that ran it ended without a word")
    assert notebook.notes == ["trial 0 was killed and runs again"]
    queue.recover()
    assert len(study.get_trials()) == 2


def test_a_place_that_had_drawn_nothing_yet_is_not_missed(study: optuna.Study, queue: TrialQueue) -> None:
    left_running(study, {})
    queue.recover()
    assert [trial.state for trial in study.get_trials()] == [TrialState.FAIL]


def test_living_processes_and_other_hosts_keep_their_trials(study: optuna.Study, queue: TrialQueue) -> None:
    for worker in (replace(this_process(), pid=os.getppid(), started=""), replace(DEAD, host="elsewhere")):
        study.enqueue_trial({"dropout": 0.1}, user_attrs={marks.WORKER: worker.stored})
        study.ask()
    study.ask()  # of a program that is not ours: no mark at all
    queue.recover()
    assert [trial.state for trial in study.get_trials()] == 3 * [TrialState.RUNNING]


def test_what_heartbeats_declared_dead_is_queued_again(study: optuna.Study, queue: TrialQueue) -> None:
    """Optuna marks the trial of another host as failed and says nothing of it to us."""
    study.enqueue_trial({"dropout": 0.1}, user_attrs={marks.WORKER: replace(DEAD, host="elsewhere").stored})
    study.tell(study.ask(), state=TrialState.FAIL)
    queue.recover()
    assert study.get_trials()[1].system_attrs["fixed_params"] == {"dropout": 0.1}


def test_a_failure_with_a_reason_of_its_own_is_not_tried_again(
    study: optuna.Study, queue: TrialQueue, database: Database
) -> None:
    trial = left_running(study, {"dropout": 0.1})
    failure = FailureRecord(kind="nan", reason="epoch 2", epoch=2)
    database.save_failure("toys", 0, baseline=False, configuration={"dropout": 0.1}, failure=failure)
    queue.recover()
    assert [one.state for one in study.get_trials()] == [TrialState.FAIL]
    assert database.trials("toys")[trial.number].failure == failure


@pytest.mark.parametrize(
    ("stopped", "state", "value"), [("finished", Fate.COMPLETE, -0.7), ("pruned", Fate.PRUNED, None)]
)
def test_a_result_that_optuna_had_not_heard_of_is_not_trained_again(
    scripted: ModuleType,
    study: optuna.Study,
    queue: TrialQueue,
    database: Database,
    stopped: str,
    state: Fate,
    value: float | None,
) -> None:
    trial = left_running(study, {"dropout": 0.1})
    trial.report(-0.6, 1)
    measurement = scripted.make_measurement([scripted.make_epoch(1, 0.6)], stopped=stopped)
    for name, shown in marks.shown(measurement, -0.7).items():
        trial.set_user_attr(name, shown)
    database.save_measurement("toys", 0, baseline=False, configuration={"dropout": 0.1}, measurement=measurement)
    queue.recover()
    (found,) = database.trials("toys")
    assert (found.state, found.objective, found.failure) == (state, value, None)
    assert found.measurement is not None
    assert found.measurement.validation_cross_entropy == pytest.approx(0.6)


def test_two_processes_may_recover_the_same_trial(
    study: optuna.Study, queue: TrialQueue, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_running(study, {"dropout": 0.1})
    read = database.trials

    def slowly(name: str) -> tuple[TrialRecord, ...]:
        records = read(name)
        study.tell(0, state=TrialState.FAIL)  # by the other process
        return records

    monkeypatch.setattr(database, "trials", slowly)
    queue.recover()
    assert [trial.state for trial in study.get_trials()] == [TrialState.FAIL, TrialState.WAITING]


def test_other_refusals_of_optuna_are_not_hidden(
    study: optuna.Study, queue: TrialQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("no such state")

    left_running(study, {})
    monkeypatch.setattr(study, "tell", refuse)
    with pytest.raises(ValueError, match="no such state"):
        queue.recover()


def test_a_configuration_that_kills_every_process_is_given_up(
    study: optuna.Study, queue: TrialQueue, notebook: Notebook
) -> None:
    left_running(study, {"dropout": 0.1})
    for _ in range(MOST_KILLS - 1):
        queue.recover()
        study.ask()
    assert study.get_trials()[-1].user_attrs["kills"] == MOST_KILLS - 1
    queue.recover()
    assert [trial.state for trial in study.get_trials()] == MOST_KILLS * [TrialState.FAIL]
    assert (
        notebook.notes[-1]
        == f"trial {MOST_KILLS - 1} is given up: {MOST_KILLS} processes were killed while they ran it"
    )


@pytest.mark.parametrize(("kind", "total", "kills"), [("path", 30, 10), ("postgres_url", 12, 3)])
def test_kills_at_random_moments_lose_nothing_and_repeat_nothing(
    scripted: ModuleType, kind: str, total: int, kills: int, request: pytest.FixtureRequest
) -> None:
    """Each process counts SQL statements and epochs and kills itself at a drawn one; about 40 make a trial."""
    definition = scripted.make_definition(trials=total, pruner="median", epochs=7, model=scripted.OUTSIDE)
    location = request.getfixturevalue(kind)
    with open_database(location, create=True) as database:
        scripted.add_study(database, definition)
    rng = random.Random(2)
    moments = [str(rng.randint(30, 300)) for _ in range(kills)]
    program = [sys.executable, str(Path(__file__).with_name("scripted.py")), str(location), str(total), *moments]
    root = str(Path(__file__).parents[2])
    ran = subprocess.run(
        program, check=False, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": root}, cwd=root
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"{kills}\n", "")

    with open_database(location) as database:
        trials = database.trials("toys")
    finished = [trial for trial in trials if trial.state in {Fate.COMPLETE, Fate.PRUNED}]
    own = [trial for trial in finished if trial.duplicate_of is None]
    assert len(own) == total
    assert len({json.dumps(trial.configuration, sort_keys=True) for trial in own}) == total
    assert all(trial.measurement is not None for trial in own)
    assert [trial.baseline for trial in own].count(True) == 1
    # Nothing is lost: whatever had been drawn and was cut short was finished later.
    killed = [trial for trial in trials if trial.state is Fate.FAILED]
    assert all(trial.failure is not None and trial.failure.kind == "killed" for trial in killed)
    done = [trial.parameters for trial in finished]
    assert all(any(trial.parameters.items() <= parameters.items() for parameters in done) for trial in killed)
    assert not any(trial.state is Fate.RUNNING for trial in trials)
