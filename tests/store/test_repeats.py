"""Repetitions and openings of the test side: stored once, read whole, never forgotten."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import optuna
import pytest

from sweep.errors import StoreError
from sweep.records import HoldoutRecord, HoldoutResult, Side
from sweep.store.results import Database

Run = Any
Samples = Any
HASHES = ["3" * 64, "4" * 64]


@pytest.fixture
def measured(toys: Database, samples: Samples, run_trials: Run) -> Database:
    """The study "toys" with two measured trials."""

    def objective(trial: optuna.Trial) -> float:
        toys.save_measurement("toys", trial.number, baseline=False, configuration={}, measurement=samples.measurement())
        return 0.0

    run_trials(toys, objective, 2)
    return toys


def opening(samples: Samples, study: str = "toys", hashes: Sequence[str] = HASHES) -> HoldoutRecord:
    result = HoldoutResult(
        number=1,
        rank=1,
        baseline=False,
        accuracy=0.75,
        cross_entropy=0.5,
        balanced_accuracy=0.625,
        validation_accuracy=0.6,
        predicted_low=0.5,
        predicted_high=0.875,
        prediction=samples.prediction(Side.TEST, logits=True),
        share_right=np.array([1.0, 0.25, 0.0], np.float16),
    )
    other = replace(result, number=0, rank=2, baseline=True)
    opened = datetime.datetime(2026, 5, 2, tzinfo=datetime.UTC)
    return HoldoutRecord(
        study=study, opened=opened, seen_before=0, content_hashes=tuple(hashes), results=(other, result)
    )


def test_repetitions_come_back_in_order(measured: Database, samples: Samples) -> None:
    for number, repeat in ((1, 1), (0, 2), (0, 1)):
        measured.save_repeat("toys", samples.repeat(number, repeat, validation_accuracy=number + repeat / 8))
    found = measured.repeats("toys")
    assert [(record.number, record.repeat, record.validation_accuracy) for record in found] == [
        (0, 1, 0.125),
        (0, 2, 0.25),
        (1, 1, 1.125),
    ]
    assert all(record.validation is None for record in found)
    prediction = measured.repeats("toys", with_predictions=True)[0].validation
    assert prediction is not None
    assert prediction.logits is not None
    np.testing.assert_array_equal(prediction.logits, samples.prediction(logits=True).logits)
    assert prediction.predicted.tolist() == [0, 1, 1]


def test_a_repetition_that_is_there_is_left_as_it_is(measured: Database, samples: Samples) -> None:
    measured.save_repeat("toys", samples.repeat(0, 1, train_accuracy=0.5, validation=None))
    measured.save_repeat("toys", samples.repeat(0, 1, train_accuracy=0.75))
    (record,) = measured.repeats("toys", with_predictions=True)
    assert (record.train_accuracy, record.validation) == (0.5, None)


def test_an_opening_is_read_by_rank(measured: Database, samples: Samples) -> None:
    assert measured.holdouts("toys") == ()
    assert measured.opened_images() == frozenset()
    measured.save_holdout(opening(samples), acknowledged=False)
    (record,) = measured.holdouts("toys")
    assert [(result.number, result.rank, result.baseline) for result in record.results] == [
        (1, 1, False),
        (0, 2, True),
    ]
    assert record.results[0].prediction.side is Side.TEST
    assert record.results[0].share_right.tolist() == [1.0, 0.25, 0.0]
    assert (record.content_hashes, record.test_images, record.seen_before) == (tuple(HASHES), 2, 0)
    assert measured.opened_images() == frozenset(HASHES)
    assert measured.holdouts("another") == ()


def test_images_once_seen_are_refused_whatever_the_study(measured: Database, samples: Samples) -> None:
    measured.save_holdout(opening(samples), acknowledged=False)
    with pytest.raises(StoreError, match=r"1 test images that were opened before.*--acknowledge"):
        measured.save_holdout(opening(samples, "another", ["4" * 64, "5" * 64]), acknowledged=False)
    measured.save_holdout(opening(samples, "another", ["4" * 64, "5" * 64, "5" * 64]), acknowledged=True)
    (again,) = measured.holdouts("another")
    assert (again.test_images, again.seen_before) == (3, 1), "counted when it is stored, image by image"
    assert measured.opened_images() == frozenset([*HASHES, "5" * 64])


def test_a_seal_stays_opened_when_its_study_goes(measured: Database, samples: Samples) -> None:
    measured.save_holdout(opening(samples), acknowledged=False)
    optuna.delete_study(study_name="toys", storage=measured.optuna_storage())
    measured.add_study(samples.study(), samples.index, samples.split)
    assert measured.repeats("toys") == ()
    assert measured.opened_images() == frozenset(HASHES)
    assert len(measured.holdouts("toys")) == 1


def test_damaged_logits_are_noticed(measured: Database, samples: Samples) -> None:
    half = replace(samples.prediction(logits=True), logits=np.zeros((1, 4), np.float16))
    measured.save_repeat("toys", samples.repeat(0, 1, validation=half))
    with pytest.raises(StoreError, match="4 logits for 3 images"):
        measured.repeats("toys", with_predictions=True)
