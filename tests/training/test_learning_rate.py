"""Rates worked out by hand, and those of Keras' own schedules."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from keras.optimizers import schedules

from sweep.studyfile.definition import TrainingSettings
from sweep.training.learning_rate import learning_rates


def rates(steps: int, **fields: object) -> list[float]:
    settings = TrainingSettings.model_validate({"learning_rate": 1.0, "epochs": 2, **fields})
    found = learning_rates(settings, steps)
    assert (found.shape, found.dtype) == ((settings.epochs, steps), np.float32)
    return [float(rate) for rate in found.reshape(-1)]


def test_nothing_asked_for_is_one_rate() -> None:
    assert rates(3, learning_rate=0.5) == [0.5] * 6


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [1, 1, 1, 1]),
        ("linear", [1, 0.75, 0.5, 0.25]),
        ("cosine", [1, 0.5 + 0.5**1.5, 0.5, 0.5 - 0.5**1.5]),
        ("exponential", [1, 0.1**0.5, 0.1, 0.1**1.5]),
    ],
)
def test_a_schedule_leads_to_the_step_after_the_last(schedule: str, expected: list[float]) -> None:
    assert rates(2, schedule=schedule) == pytest.approx(expected, rel=1e-6)


def test_the_warm_up_rises_in_a_line_and_the_schedule_has_what_is_left() -> None:
    found = rates(4, epochs=3, warmup_epochs=1, schedule="linear", learning_rate=0.8)
    assert found == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1], rel=1e-6)


def test_a_warm_up_longer_than_the_training_never_reaches_the_top() -> None:
    assert rates(2, warmup_epochs=4, schedule="cosine") == pytest.approx([1 / 8, 2 / 8, 3 / 8, 4 / 8])


def test_decay_divides_by_every_step_so_far() -> None:
    assert rates(2, decay=0.5) == pytest.approx([1, 1 / 1.5, 1 / 2, 1 / 2.5])
    # Over a warm-up of two steps as well.
    assert rates(2, decay=0.5, warmup_epochs=1) == pytest.approx([0.5, 1 / 1.5, 1 / 2, 1 / 2.5])


def test_the_second_phase_starts_anew_at_a_tenth() -> None:
    found = rates(2, epochs=5, head_epochs=2, warmup_epochs=1, decay=1.0, schedule="linear")
    first = [1 / 2, 1 / 2, 1 / 3, 0.5 / 4]
    second = [0.1 / 2, 0.1 / 2, 0.1 / 3, 0.075 / 4, 0.05 / 5, 0.025 / 6]
    assert found == pytest.approx([*first, *second], rel=1e-6)


def test_a_head_that_trains_to_the_end_has_one_phase() -> None:
    assert rates(2, epochs=2, head_epochs=5) == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("fields", "theirs"),
    [
        ({"schedule": "cosine"}, lambda: schedules.CosineDecay(0.3, 20)),
        ({"schedule": "linear"}, lambda: schedules.PolynomialDecay(0.3, 20, end_learning_rate=0.0)),
        ({"schedule": "exponential"}, lambda: schedules.ExponentialDecay(0.3, 20, decay_rate=0.01)),
        ({"decay": 0.05}, lambda: schedules.InverseTimeDecay(0.3, 1, decay_rate=0.05)),
    ],
)
def test_the_schedules_are_those_of_keras(
    fields: dict[str, object], theirs: Callable[[], schedules.LearningRateSchedule]
) -> None:
    schedule = theirs()
    expected = [float(schedule(step)) for step in range(20)]
    assert rates(5, epochs=4, learning_rate=0.3, **fields) == pytest.approx(expected, rel=1e-5)
