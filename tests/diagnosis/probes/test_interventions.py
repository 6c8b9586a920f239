"""The best of several changes, effects under a condition, remedies in the words of the study file."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from scipy.stats import t as student

from sweep.diagnosis.probes.gains import Gain
from sweep.diagnosis.probes.interventions import bounded, credited, greatest, p_under, remedy_of, shared_level, spoken
from sweep.records import FitRecord, Interval, Scalar


def gain(estimate: float, error: float) -> Gain:
    return Gain(estimate=estimate, centre=estimate, images_variance=error**2, training_variance=0.0, units=1001)


def changed(changes: Mapping[str, Scalar]) -> FitRecord:
    return FitRecord(
        name="linear",
        changes=changes,
        seeds=1,
        train_accuracy=1.0,
        train_cross_entropy=0.0,
        correct=np.ones(1),
        cross_entropy=np.zeros(1),
        trainable_parameters=1,
        train_curve=np.empty(0),
        validation_curve=np.empty(0),
    )


def test_the_greatest_holds_beside_gains_of_another_unit() -> None:
    alone, beside = greatest([gain(0.02, 0.01)] * 4), greatest([gain(0.02, 0.01)] * 2, beside=2)
    assert beside == alone


def test_the_surest_gain_is_chosen_and_all_are_accounted_for() -> None:
    gains = [gain(0.03, 0.005), gain(0.10, 0.01), gain(0.12, 0.08), gain(-0.02, 0.01)]
    chosen, p, effect = greatest(gains)
    reach = student.ppf(1 - 0.025 / 4, 1000)
    assert chosen == 1
    assert p == pytest.approx(4 * student.sf(10, 1000))
    assert (effect.estimate, effect.low) == pytest.approx((0.10, 0.10 - reach * 0.01))
    # What the greatest one may be is bounded by the least sure of them.
    assert effect.high == pytest.approx(0.12 + reach * 0.08)


def test_one_change_alone_is_not_corrected() -> None:
    chosen, p, effect = greatest([gain(0.02, 0.01)])
    assert chosen == 0
    assert p == pytest.approx(student.sf(2, 1000))
    assert effect.low == pytest.approx(0.02 - student.ppf(0.975, 1000) * 0.01)
    assert shared_level(1) == pytest.approx(0.95)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ((0.05, 0.01), (0.05, 0.03, 0.07)),  # met
        ((0.015, 0.01), (0.05, 0.0, 0.07)),  # may not be met
        ((0.003, 0.01), (0.0, 0.0, 0.0)),  # not met: at most 0.003 + 1.65 · 0.01, less than 0.02
    ],
)
def test_an_effect_counts_as_far_as_its_condition_is_met(
    condition: tuple[float, float], expected: tuple[float, float, float]
) -> None:
    found = credited(Interval(estimate=0.05, low=0.03, high=0.07), gain(*condition), least=0.02)
    assert (found.estimate, found.low, found.high) == expected


def test_a_condition_is_held_to_five_per_cent() -> None:
    assert p_under(1e-6, 0.049) == 1e-6
    assert p_under(1e-6, 0.051) == 0.051
    assert p_under(0.3, 0.051) == 0.3


def test_remedies_are_written_as_in_a_study_file() -> None:
    fit = changed({"model.head_width": "none", "model.dropout": 0.0, "model.head_batch_norm": True})
    assert spoken(fit) == "head_width = none, dropout = 0 and head_batch_norm = true"
    assert remedy_of(fit).sentence == "Set head_width = none, dropout = 0 and head_batch_norm = true."
    assert remedy_of(fit).changes == fit.changes
    assert remedy_of(changed({})).sentence == "Train as in 'linear'."
    assert spoken(changed({"training.learning_rate": 3e-5})) == "learning_rate = 3e-05"


def test_an_interval_becomes_three_numbers() -> None:
    assert bounded("gain", Interval(estimate=0.2, low=0.1, high=0.3)) == {
        "gain": 0.2,
        "gain_low": 0.1,
        "gain_high": 0.3,
    }
