"""What the frozen part has spared is counted in images, and told in seconds only at a pace that was measured."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from sweep.progress import Silent
from sweep.records import StageRecord, TrialRecord
from sweep.workflow.saving import FrozenPasses

TrialMaker = Callable[..., TrialRecord]
RAN = StageRecord(name="backbone pass", seconds=2.0, units=100, unit="images")


@pytest.fixture
def trial(trial_record: TrialMaker) -> TrialRecord:
    """Five epochs of 60 training and 20 validation images."""
    made = trial_record(0, correct=np.ones(20, bool), epochs=5)
    assert made.measurement is not None
    return dataclasses.replace(
        made, measurement=dataclasses.replace(made.measurement, train_images=60, validation_images=20)
    )


def test_images_and_time_of_a_plain_loop(trial: TrialRecord) -> None:
    """2 trials · 5 epochs · 80 images at 20 ms an image."""
    passes = FrozenPasses(Silent(), lambda _: True)
    for _ in range(2):
        passes.trial(trial)
    assert passes.lines([RAN]) == (
        "saved: the frozen part ran over 100 images in 2.0 s; a plain loop sends 800 through it, 16 s at that pace",
    )


def test_without_a_pass_of_its_own_no_pace_is_made_up(trial: TrialRecord) -> None:
    passes = FrozenPasses(Silent(), lambda _: True)
    passes.trial(trial)
    assert passes.lines([]) == (
        "saved: the frozen part came from the cache of an earlier run; a plain loop sends 400 through it",
    )


def test_shorter_frozen_parts_are_left_out_aloud(trial: TrialRecord) -> None:
    passes = FrozenPasses(Silent(), lambda given: given.number == 0)
    for number in range(3):
        passes.trial(dataclasses.replace(trial, number=number))
    assert passes.lines([RAN])[0].endswith(
        "sends 400 through it, 8.0 s at that pace; 2 trials not counted, whose frozen part is shorter"
    )


@pytest.mark.parametrize(("stopped", "images"), [("finished", 3 * 400), ("early stopping", 0)])
def test_folds_count_where_all_of_them_ran_to_their_end(trial: TrialRecord, stopped: str, images: int) -> None:
    assert trial.measurement is not None
    measurement = dataclasses.replace(trial.measurement, folds=3, stopped=stopped)
    passes = FrozenPasses(Silent(), lambda _: True)
    passes.trial(dataclasses.replace(trial, measurement=measurement))
    assert passes.images == images
    assert bool(passes.lines([RAN])) is bool(images)
