"""The contract of the database: what goes in comes out, whatever it is kept in."""

from __future__ import annotations

import datetime
import json
import math
import sqlite3
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

from sweep.errors import StoreError
from sweep.records import (
    FailureRecord,
    Measurement,
    Moment,
    PredictionRecord,
    Side,
    StageRecord,
    TrialState,
)
from sweep.store.results import Database, open_database

Run = Any
Samples = Any


def flat(measurement: Measurement | None) -> dict[str, Any]:
    """A measurement as comparable values, NaN as a word."""
    assert measurement is not None
    values = asdict(replace(measurement, predictions=()))
    return {name: "nan" if isinstance(value, float) and math.isnan(value) else value for name, value in values.items()}


def same(one: PredictionRecord, other: PredictionRecord) -> bool:
    """Whether two predictions are the same, bit by bit."""
    return (
        (one.side, one.moment) == (other.side, other.moment)
        and one.predicted.tobytes() == other.predicted.tobytes()
        and one.cross_entropy.tobytes() == other.cross_entropy.tobytes()
    )


# ---- trials --------------------------------------------------------------------------------------------------------


def test_a_measured_trial_joins_what_optuna_and_we_know(toys: Database, samples: Samples, run_trials: Run) -> None:
    measurement = samples.measurement()

    def objective(trial: optuna.Trial) -> float:
        trial.suggest_float("dropout", 0.0, 0.9)
        trial.suggest_categorical("head_width", ["512-256"])
        toys.save_measurement(
            "toys", trial.number, baseline=True, configuration=samples.configuration, measurement=measurement
        )
        return -0.75

    before = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=1)
    study = run_trials(toys, objective, 1)
    (trial,) = toys.trials("toys")
    assert (trial.number, trial.state, trial.baseline, trial.objective) == (0, TrialState.COMPLETE, True, -0.75)
    assert trial.parameters == study.trials[0].params
    assert trial.configuration == samples.configuration
    assert trial.failure is None
    assert trial.duplicate_of is None
    assert flat(trial.measurement) == flat(measurement)
    assert trial.started is not None
    assert trial.finished is not None
    assert before <= trial.started <= trial.finished <= datetime.datetime.now(datetime.UTC)


def test_predictions_are_left_in_the_database_unless_asked_for(
    toys: Database, samples: Samples, run_trials: Run
) -> None:
    records = tuple(samples.prediction(side, moment) for side in (Side.PROBE, Side.VALIDATION) for moment in Moment)

    def objective(trial: optuna.Trial) -> float:
        measurement = samples.measurement(predictions=records)
        toys.save_measurement("toys", trial.number, baseline=False, configuration={}, measurement=measurement)
        return 0.0

    run_trials(toys, objective, 2)
    assert [trial.measurement.predictions for trial in toys.trials("toys") if trial.measurement] == [(), ()]
    for trial in toys.trials("toys", with_predictions=True):
        assert trial.measurement is not None
        assert {(record.side, record.moment) for record in trial.measurement.predictions} == {
            (record.side, record.moment) for record in records
        }
    stored = {(record.side, record.moment): record for record in toys.predictions("toys", 1)}
    assert all(same(stored[record.side, record.moment], record) for record in records)
    validation = toys.validation_predictions("toys")
    assert set(validation) == {0, 1}
    assert same(validation[0], samples.prediction(Side.VALIDATION, Moment.SELECTED))
    assert toys.predictions("toys", 7) == ()


def test_a_duplicate_takes_over_result_and_predictions(toys: Database, samples: Samples, run_trials: Run) -> None:
    def objective(trial: optuna.Trial) -> float:
        if trial.number == 0:
            toys.save_measurement(
                "toys", 0, baseline=False, configuration=samples.configuration, measurement=samples.measurement()
            )
        else:
            toys.save_duplicate("toys", trial.number, samples.configuration, 0)
        return -1.0

    run_trials(toys, objective, 2)
    original, duplicate = toys.trials("toys")
    assert (original.duplicate_of, duplicate.duplicate_of) == (None, 0)
    assert flat(duplicate.measurement) == flat(original.measurement)
    assert same(toys.predictions("toys", 1)[0], samples.prediction())
    assert set(toys.validation_predictions("toys")) == {0, 1}


def test_a_failed_trial_keeps_its_reason_and_loses_its_measurement(
    toys: Database, samples: Samples, run_trials: Run
) -> None:
    failure = FailureRecord(kind="nan", reason="the loss is NaN in epoch 3", epoch=3)

    def objective(trial: optuna.Trial) -> float:
        number, configuration = trial.number, samples.configuration
        toys.save_measurement(
            "toys", number, baseline=True, configuration=configuration, measurement=samples.measurement()
        )
        toys.save_failure("toys", number, baseline=True, configuration=configuration, failure=failure)
        raise RuntimeError(failure.reason)

    run_trials(toys, objective, 1)
    (trial,) = toys.trials("toys", with_predictions=True)
    assert (trial.state, trial.failure, trial.measurement) == (TrialState.FAILED, failure, None)
    assert (trial.baseline, trial.configuration) == (True, samples.configuration)
    assert toys.predictions("toys", 0) == ()


def test_a_reason_may_be_any_text(toys: Database, run_trials: Run) -> None:
    def objective(trial: optuna.Trial) -> float:
        failure = FailureRecord(kind="OSError", reason="cannot read b\udcff\0.jpg")
        toys.save_failure("toys", trial.number, baseline=False, configuration={}, failure=failure)
        raise RuntimeError

    run_trials(toys, objective, 1)
    (trial,) = toys.trials("toys")
    assert trial.failure == FailureRecord(kind="OSError", reason=r"cannot read b\udcff\0.jpg")


def test_a_killed_process_leaves_no_measurement_to_an_unfinished_trial(
    toys: Database, samples: Samples, run_trials: Run
) -> None:
    # Measurements are stored before Optuna hears of the end: a kill in between leaves a running trial with one.
    study = run_trials(toys, lambda trial: 0.0, 0)
    study.ask()
    toys.save_measurement("toys", 0, baseline=True, configuration={}, measurement=samples.measurement())
    (running,) = toys.trials("toys")
    assert (running.state, running.measurement, running.baseline) == (TrialState.RUNNING, None, True)


def test_infinite_and_missing_numbers_survive(toys: Database, samples: Samples, run_trials: Run) -> None:
    odd = samples.measurement(
        logged_train_loss=math.nan,
        train_cross_entropy=math.inf,
        penalty=-math.inf,
        epochs=(samples.epoch(1, logged_train_loss=math.nan, validation_cross_entropy=math.inf),),
    )

    def objective(trial: optuna.Trial) -> float:
        toys.save_measurement("toys", trial.number, baseline=False, configuration={}, measurement=odd)
        return 0.0

    run_trials(toys, objective, 1)
    measurement = toys.trials("toys")[0].measurement
    assert measurement is not None
    assert math.isnan(measurement.logged_train_loss)
    assert (measurement.train_cross_entropy, measurement.penalty) == (math.inf, -math.inf)
    (epoch,) = measurement.epochs
    assert math.isnan(epoch.logged_train_loss)
    assert epoch.validation_cross_entropy == math.inf


def test_a_configuration_that_json_does_not_know_is_refused_whole(toys: Database, samples: Samples) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        toys.save_measurement(
            "toys", 0, baseline=False, configuration={"l2": math.nan}, measurement=samples.measurement()
        )
    assert toys.predictions("toys", 0) == ()


def test_numpy_values_are_stored_as_pythons(toys: Database, samples: Samples, run_trials: Run) -> None:
    measurement = samples.measurement(
        selected_epoch=np.int64(2),
        trainable_parameters=np.int32(7),
        train_accuracy=np.float32(0.5),
        seconds=np.float64(4.5),
        epochs=(samples.epoch(np.int64(1), seconds=np.float32(0.25)),),
    )
    arguments: dict[str, Any] = {
        "baseline": np.bool_(True),
        "configuration": {"dropout": np.float32(0.5), "batch_size": np.int64(32), "deep": np.bool_(True)},
        "measurement": measurement,
    }

    def objective(trial: optuna.Trial) -> float:
        number: Any = np.int64(trial.number)
        toys.save_measurement("toys", number, **arguments)
        return 0.0

    run_trials(toys, objective, 1)
    (trial,) = toys.trials("toys")
    assert trial.baseline is True
    assert trial.configuration == {"dropout": 0.5, "batch_size": 32, "deep": True}
    assert trial.measurement is not None
    numbers = (trial.measurement.selected_epoch, trial.measurement.trainable_parameters, trial.measurement.seconds)
    assert json.dumps([*numbers, *asdict(trial.measurement.epochs[0]).values()]) == (
        "[2, 7, 4.5, 1, 0.8, 0.7, 0.02, -0.01, 0.55, 1.25, 0.9, 0.3, 0.6, 1.1, 0.001, 0.25]"
    )


def test_nothing_is_stored_for_a_study_that_is_not_there(toys: Database, samples: Samples) -> None:
    with pytest.raises(StoreError, match="a study or trial that the database does not have"):
        toys.save_measurement("boats", 0, baseline=False, configuration={}, measurement=samples.measurement())
    with pytest.raises(StoreError, match="a study or trial that the database does not have"):
        toys.save_stages("boats", (StageRecord(name="trials", seconds=1.0, units=1, unit="trials"),))


# ---- Optuna's side -------------------------------------------------------------------------------------------------


def test_one_file_is_left_when_all_is_closed(path: Path, samples: Samples, run_trials: Run) -> None:
    with open_database(path, create=True) as database:
        database.add_study(samples.study(), samples.index, samples.split)
        run_trials(database, lambda trial: 0.0, 1)
    assert [file.name for file in path.parent.iterdir()] == ["study.db"]
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
    with open_database(path) as database:
        assert database.study().name == "toys"
        assert len(database.trials("toys")) == 1
    assert [file.name for file in path.parent.iterdir()] == ["study.db"]


@pytest.mark.parametrize("kind", ["path", "postgres_url"])
def test_three_processes_on_one_database_lose_nothing(kind: str, request: pytest.FixtureRequest) -> None:
    # They start on a database without tables, so they race for making them too.
    location = request.getfixturevalue(kind)
    program = Path(__file__).with_name("write_trials.py")
    workers = [subprocess.Popen([sys.executable, str(program), str(location), "8"]) for _ in range(3)]
    assert [worker.wait() for worker in workers] == [0, 0, 0]
    with open_database(location) as database:
        trials = database.trials("toys")
        assert [trial.number for trial in trials] == list(range(24))
        for trial in trials:
            assert trial.state is TrialState.COMPLETE
            assert trial.configuration == {"number": trial.number}
            assert trial.measurement is not None
            assert trial.measurement.seconds == trial.objective == trial.number
            assert len(trial.measurement.epochs) == 3
        assert len(database.validation_predictions("toys")) == 24
