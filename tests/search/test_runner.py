"""A search from its first trial to its last, with all that can happen in between."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Protocol

import optuna
import pytest
from optuna.trial import FrozenTrial

from sweep.errors import SearchError
from sweep.records import TrialRecord, TrialState
from sweep.search import runner
from sweep.search.runner import SearchOutcome
from sweep.search.trial_queue import TrialQueue
from sweep.store.results import Database
from sweep.studyfile.definition import Configuration
from sweep.studyfile.space import Choices, NumberRange


class Notebook(Protocol):
    """The progress that remembers."""

    notes: list[str]
    trials: list[TrialRecord]


Search = Callable[..., SearchOutcome]
GRID = {"dropout": NumberRange(low=0.0, high=0.4, step=0.2), "batch_size": Choices(values=(16, 32))}


# ---- the ordinary course -------------------------------------------------------------------------------------------


def test_a_study_ends_with_its_total_the_baseline_first(
    scripted: ModuleType, search: Search, database: Database, notebook: Notebook
) -> None:
    outcome = search(scripted.make_definition(trials=6))
    assert (outcome.finished, outcome.pruned, outcome.failed, outcome.duplicates) == (6, 0, 0, 0)
    assert outcome.stopped_because == "6 of 6 trials are finished"
    trials = database.trials("toys")
    assert [trial.number for trial in trials] == [0, 1, 2, 3, 4, 5]
    assert [trial.baseline for trial in trials] == [True] + 5 * [False]
    assert trials[0].parameters == {"batch_size": 32, "dropout": 0.5, "l2": 1e-3}
    assert [trial.number for trial in notebook.trials] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc"])
def test_a_study_taken_up_twice_has_the_trials_of_one_run_through(
    scripted: ModuleType, search: Search, database: Database, sampler: str
) -> None:
    for total in (4, 12):
        search(scripted.make_definition(sampler=sampler, trials=total))
    search(scripted.make_definition(sampler=sampler, trials=12).model_copy(update={"name": "in one go"}))
    parameters = [[trial.parameters for trial in database.trials(study)] for study in ("toys", "in one go")]
    assert parameters[0] == parameters[1]
    assert len(parameters[0]) == 12


def test_a_finished_study_is_left_alone(scripted: ModuleType, search: Search) -> None:
    definition = scripted.make_definition(trials=3)
    search(definition)
    trainer = scripted.ScriptedTrainer()
    again = search(definition, trainer)
    assert trainer.trained == []
    assert (again.finished, again.stopped_because) == (3, "3 of 3 trials are finished")
    assert search(scripted.make_definition(trials=2)).stopped_because == "3 of 2 trials are finished"


def test_no_further_trial_is_started_when_the_time_is_over(scripted: ModuleType, search: Search) -> None:
    outcome = search(scripted.make_definition(trials=3), timeout=0.0)
    assert outcome.finished == 0
    assert outcome.stopped_because == "the time of 0 s is over with 0 of 3 trials finished"


# ---- the baseline --------------------------------------------------------------------------------------------------


def test_a_baseline_outside_of_the_space_is_trained_and_the_sampler_models_on(
    scripted: ModuleType, search: Search, database: Database
) -> None:
    trainer = scripted.ScriptedTrainer()
    search(scripted.make_definition(model=scripted.OUTSIDE, trials=14), trainer)
    baseline, *others = database.trials("toys")
    assert (baseline.baseline, baseline.parameters, baseline.configuration["l2"]) == (True, {}, 0.0)
    assert trainer.trained[0] == (0, Configuration(model=scripted.OUTSIDE, training=trainer.trained[0][1].training))
    assert all(trial.parameters.keys() == scripted.SPACE.keys() for trial in others)
    # What TPE draws with all fields at once it notes on the trial: from the eleventh trial on.
    modelled = [any(key.startswith("tpe:") for key in trial.system_attrs) for trial in scripted.frozen_trials(database)]
    assert modelled == 10 * [False] + 4 * [True]


def test_a_baseline_that_failed_gets_a_new_try_in_the_next_run(
    scripted: ModuleType, search: Search, database: Database
) -> None:
    broken = scripted.ScriptedTrainer(event=scripted.raising(OSError("no space left on device"), trial=0))
    search(scripted.make_definition(trials=2), broken)
    search(scripted.make_definition(trials=4))
    trials = database.trials("toys")
    assert [(trial.number, trial.state) for trial in trials if trial.baseline] == [
        (0, TrialState.FAILED),
        (3, TrialState.COMPLETE),
    ]
    assert trials[3].parameters == trials[0].parameters


# ---- duplicates and small spaces -----------------------------------------------------------------------------------


def test_an_exhausted_grid_stops_with_a_note(
    scripted: ModuleType, search: Search, database: Database, notebook: Notebook
) -> None:
    model = scripted.INSIDE.model_copy(update={"dropout": 0.2})
    outcome = search(scripted.make_definition(model=model, sampler="grid", space=GRID, trials=50))
    assert (outcome.finished, outcome.duplicates) == (6, 0)
    assert outcome.stopped_because == "the space is exhausted with 6 of 50 trials finished"
    assert notebook.notes == [f"{outcome.stopped_because}: widen [space] to search on"]
    assert len({tuple(trial.parameters.values()) for trial in database.trials("toys")}) == 6


def test_a_baseline_outside_takes_no_point_of_the_grid(scripted: ModuleType, search: Search) -> None:
    model = scripted.INSIDE.model_copy(update={"dropout": 0.3})
    assert search(scripted.make_definition(model=model, sampler="grid", space=GRID, trials=50)).finished == 7


def test_without_a_space_the_baseline_is_all(scripted: ModuleType, search: Search) -> None:
    outcome = search(scripted.make_definition(space={}, trials=5))
    assert outcome.stopped_because == "the space is exhausted with 1 of 5 trials finished"


def test_a_sampler_that_only_repeats_itself_is_stopped(
    scripted: ModuleType, search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A continuous range has no size, but this sampler knows one point of it."""

    class Stubborn(optuna.samplers.RandomSampler):
        def sample_independent(self, *_: object) -> float:
            return 0.25

    monkeypatch.setattr(runner, "make_sampler", lambda definition: Stubborn())
    monkeypatch.setattr(runner, "MOST_REPETITIONS", 7)
    outcome = search(scripted.make_definition(space={"dropout": scripted.DROPOUT}, trials=9))
    assert (outcome.finished, outcome.duplicates) == (2, 7)
    assert outcome.stopped_because == "the space is exhausted with 2 of 9 trials finished"


# ---- failures ------------------------------------------------------------------------------------------------------


def test_when_the_first_five_fail_alike_the_search_says_why_and_can_be_taken_up_again(
    scripted: ModuleType, search: Search, database: Database
) -> None:
    def out_of_memory(number: int, epoch: int) -> None:
        raise MemoryError(f"tensor of trial {number} does not fit")

    definition = scripted.make_definition(trials=3)
    with pytest.raises(SearchError, match=r"first 5 trials in a row.*tensor of trial 4.*run the same command again"):
        search(definition, scripted.ScriptedTrainer(event=out_of_memory))
    assert [trial.state for trial in database.trials("toys")] == 5 * [TrialState.FAILED]
    assert search(definition).finished == 3


def test_five_different_failures_do_not_stop_the_search(scripted: ModuleType, search: Search) -> None:
    errors = [ValueError("a"), ValueError("b"), OSError("a"), MemoryError("a"), TypeError("a")]

    def event(number: int, epoch: int) -> None:
        if number < 5:
            raise errors[number]

    outcome = search(scripted.make_definition(trials=2), scripted.ScriptedTrainer(event=event))
    assert (outcome.finished, outcome.failed) == (2, 5)


def test_a_search_whose_disk_fills_up_later_does_not_run_for_ever(
    scripted: ModuleType, search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "LATER_FAILURES", 6)

    def event(number: int, epoch: int) -> None:
        if number >= 3:
            raise OSError("no space left on device")

    with pytest.raises(SearchError, match=r"received 6 trials in a row.*no space left on device"):
        search(scripted.make_definition(trials=9), scripted.ScriptedTrainer(event=event))


def test_an_error_of_the_search_itself_is_not_taken_for_a_failed_trial(
    scripted: ModuleType, search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(optuna.samplers.RandomSampler):
        def before_trial(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
            if trial.number:
                raise ValueError("no such bracket")

    monkeypatch.setattr(runner, "make_sampler", lambda definition: Broken())
    with pytest.raises(ValueError, match="no such bracket"):
        search(scripted.make_definition(), scripted.ScriptedTrainer(event=scripted.raising(OSError("disk"), trial=0)))


# ---- interruption --------------------------------------------------------------------------------------------------


def test_ctrl_c_ends_the_run_and_the_next_one_trains_the_interrupted_trial(
    scripted: ModuleType, search: Search, database: Database, notebook: Notebook
) -> None:
    definition = scripted.make_definition(trials=5)
    with pytest.raises(KeyboardInterrupt):
        search(definition, scripted.ScriptedTrainer(event=scripted.raising(KeyboardInterrupt(), trial=2, epoch=2)))
    interrupted = database.trials("toys")[2]
    assert interrupted.failure is not None
    assert (interrupted.state, interrupted.failure.kind) == (TrialState.FAILED, "interrupted")
    trainer = scripted.ScriptedTrainer()
    outcome = search(definition, trainer)
    assert (outcome.finished, outcome.failed) == (5, 1)
    assert database.trials("toys")[3].parameters == interrupted.parameters
    assert trainer.trained[0][0] == 3
    assert notebook.notes == ["trial 2 was interrupted and runs again"]


def test_an_interrupted_baseline_stays_the_baseline(scripted: ModuleType, search: Search, database: Database) -> None:
    definition = scripted.make_definition(model=scripted.OUTSIDE, trials=2)
    with pytest.raises(KeyboardInterrupt):
        search(definition, scripted.ScriptedTrainer(event=scripted.raising(KeyboardInterrupt(), trial=0)))
    search(definition)
    trials = database.trials("toys")
    assert [trial.baseline for trial in trials] == [True, True, False]
    assert trials[1].configuration == definition.baseline.stored()


# ---- several processes ---------------------------------------------------------------------------------------------


def test_trials_that_run_elsewhere_count_as_started(scripted: ModuleType, search: Search, database: Database) -> None:
    definition = scripted.make_definition(trials=3)
    search(scripted.make_definition(trials=1))
    study = optuna.load_study(study_name="toys", storage=database.optuna_storage())
    study.ask().set_user_attr("worker", {"host": "elsewhere", "pid": 1, "started": "1"})
    outcome = search(definition)
    assert outcome.finished == 2
    assert outcome.stopped_because == "2 of 3 trials are finished, the others run in other processes"


def test_of_two_processes_that_begin_the_last_trial_at_once_one_puts_its_own_back(
    scripted: ModuleType, search: Search, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process begins one after this one has looked; were it to end without a result, the place still waits."""
    search(scripted.make_definition(trials=1))
    study = optuna.load_study(study_name="toys", storage=database.optuna_storage())
    ensure_waiting = TrialQueue.ensure_waiting

    def begin_elsewhere_first(queue: TrialQueue, trials: Sequence[FrozenTrial]) -> None:
        study.ask().set_user_attr("worker", {"host": "elsewhere", "pid": 1, "started": "1"})
        ensure_waiting(queue, trials)

    monkeypatch.setattr(TrialQueue, "ensure_waiting", begin_elsewhere_first)
    outcome = search(scripted.make_definition(trials=2))
    assert outcome.stopped_because == "1 of 2 trials are finished, the others run in other processes"
    assert [trial.state for trial in study.get_trials()] == [
        optuna.trial.TrialState.COMPLETE,
        optuna.trial.TrialState.RUNNING,
        optuna.trial.TrialState.WAITING,
    ]
    monkeypatch.undo()
    study.tell(1, state=optuna.trial.TrialState.FAIL)
    outcome = search(scripted.make_definition(trials=2))
    assert (outcome.finished, outcome.complete) == (2, True)
    assert [trial.number for trial in study.get_trials(states=[optuna.trial.TrialState.COMPLETE])] == [0, 2]


def test_a_trial_taken_for_dead_by_another_process_runs_again(
    scripted: ModuleType, search: Search, database: Database, notebook: Notebook
) -> None:
    """As after a sleep of the machine: Optuna lets nobody finish a trial that was marked as failed meanwhile."""

    def marked_dead(number: int, epoch: int) -> None:
        if (number, epoch) == (1, 2):
            storage = optuna.load_study(study_name="toys", storage=database.optuna_storage())
            storage.tell(1, state=optuna.trial.TrialState.FAIL)

    outcome = search(scripted.make_definition(trials=3), scripted.ScriptedTrainer(event=marked_dead))
    trials = database.trials("toys")
    assert (outcome.finished, outcome.failed) == (3, 1)
    assert trials[2].parameters == trials[1].parameters
    assert trials[1].failure is not None
    assert trials[1].failure.kind == "killed"
    assert notebook.notes[0] == "trial 1 was taken for dead by another process and runs again"
