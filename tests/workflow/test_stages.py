"""Stage times add up: equal names together, nested ones inside their outer one, the trials' by what they went to."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable

import numpy as np
import pytest

from sweep.progress import Silent
from sweep.records import FailureRecord, TrialRecord, TrialState
from sweep.workflow.stages import TimedProgress

TrialMaker = Callable[..., TrialRecord]


def test_equal_stages_are_added_and_nested_ones_belong_to_the_outer() -> None:
    timed = TimedProgress(Silent())
    for count in (2, 3):
        with timed.stage("decoding", 5, "images") as advance:
            advance(count)
    with timed.stage("repetitions", 1, "trainings") as advance:
        with timed.stage("backbone pass", 7, "images") as inner:
            inner(7)
        advance()
    assert [(record.name, record.units, record.unit) for record in timed.records] == [
        ("decoding", 5, "images"),
        ("repetitions", 1, "trainings"),
    ]
    assert all(record.seconds >= 0 for record in timed.records)


def test_what_was_timed_elsewhere_comes_before_what_follows() -> None:
    timed = TimedProgress(Silent())
    timed.add("imports", 6.5)
    with timed.stage("decoding", 5, "images"):
        pass
    assert (timed.records[0].name, timed.records[0].seconds) == ("imports", 6.5)


def test_the_time_of_the_trials_is_told_by_what_it_went_to(
    trial_record: TrialMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stage of 20 s with a trial of 10 s, 4 of them compiling and 5 in its epochs, and a failed one of 3 s."""
    clock = iter((100.0, 120.0))
    monkeypatch.setattr("sweep.workflow.stages.time.perf_counter", lambda: next(clock))
    trained = trial_record(0, correct=np.ones(10, bool), epochs=5, seconds=5.0)
    assert trained.measurement is not None
    measurement = dataclasses.replace(trained.measurement, compile_seconds=4.0, seconds=10.0)
    began = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    failed = TrialRecord(
        number=1,
        state=TrialState.FAILED,
        baseline=False,
        parameters={},
        configuration={},
        objective=None,
        started=began,
        finished=began + datetime.timedelta(seconds=3),
        failure=FailureRecord(kind="nan", reason="a loss of nan", epoch=1),
    )
    timed = TimedProgress(Silent())
    with timed.stage("trials", 1, "trials") as advance:
        timed.trial(dataclasses.replace(trained, measurement=measurement))
        advance()
        timed.trial(failed)
    assert {record.name: pytest.approx(record.seconds) for record in timed.records} == {
        "compiling": 4.0,
        "training": 5.0,
        "evaluation": 1.0,
        "failed trials": 3.0,
        "scheduling": 7.0,
    }
    assert [record.units for record in timed.records if record.unit == "trials"] == [1, 1]
