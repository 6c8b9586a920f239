"""Dropout that does nothing and regularisers that do too much, planted in what short trainings would record."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import t as student

from sweep.diagnosis.probes.regularizers import idle_dropout, over_regularized
from sweep.diagnosis.statistics import wilson
from sweep.diagnosis.verdict import Outcome, judge
from sweep.records import Finding, FitRecord, Scalar

Floats = NDArray[np.float64]


def shares(*runs: tuple[int, float]) -> Floats:
    return np.concatenate([np.full(count, value) for count, value in runs])


def fit(
    name: str,
    correct: Floats,
    *,
    train: float,
    changes: Mapping[str, Scalar] | None = None,
    logit_noise: float = float("nan"),
) -> FitRecord:
    return FitRecord(
        name=name,
        changes=changes or {},
        seeds=3,
        train_accuracy=train,
        train_cross_entropy=0.1,
        correct=correct,
        cross_entropy=np.ones(len(correct)),
        trainable_parameters=1000,
        train_curve=np.empty(0),
        validation_curve=np.empty(0),
        logit_noise=logit_noise,
    )


def outcome(finding: Finding) -> Outcome:
    return judge([finding], num_classes=5).judged[0].outcome


def idle(baseline: FitRecord, without: FitRecord | None, *, rate: float = 0.5, positions: int = 25) -> Finding:
    return idle_dropout(baseline, without, rate=rate, positions=positions, train_images=3000)


# The question with five toys: 750 of them, 75 % right, 99.8 % on training, whatever the dropout before the pooling.
DROPPED = fit("baseline", shares((553, 1.0), (10, 0.0), (10, 1.0), (177, 0.0)), train=0.998, logit_noise=0.15)
WITHOUT = fit(
    "without", shares((553, 1.0), (10, 1.0), (10, 0.0), (177, 0.0)), train=1.0, changes={"model.dropout": 0.0}
)


def test_dropout_that_changes_nothing_leaves_the_whole_gap() -> None:
    found = idle(DROPPED, WITHOUT)
    assert outcome(found) is Outcome.FOUND
    assert found.effect is not None
    validation = wilson(563, 750)
    assert found.effect.estimate == pytest.approx(0.998 - 563 / 750)
    assert (found.effect.low, found.effect.high) == pytest.approx((0.998 - validation.high, 0.998 - validation.low))
    # What counts as no effect is a fifth of the gap's lower bound, here more than two points.
    margin = 0.2 * (0.998 - validation.high)
    assert found.evidence["margin"] == pytest.approx(margin)
    # Training accuracy adds its 0.2 points, and its luck, little more than 0.08 of a Bernoulli draw; images share none.
    images, trainings = 22 / 752 / 752, (0.0064 + 1 / 3000) * 0.998 * 0.002 / 3
    degrees = (images + trainings) ** 2 / (images**2 / 749 + trainings**2 / 12)
    assert found.p == pytest.approx(student.sf((margin - 0.002) / np.sqrt(images + trainings), degrees), rel=1e-6)
    assert found.evidence["features_perturbed_by"] == pytest.approx(0.2)
    assert found.evidence["logit_noise"] == 0.15
    assert [dict(remedy.changes) for remedy in found.remedies] == [
        {"model.dropout_position": "after_pooling"},
        {"model.dropout_kind": "spatial"},
    ]
    assert "narrower than without by 0.2 points" in found.summary


def test_dropout_behind_the_pooling_is_left_out_instead() -> None:
    found = idle(DROPPED, WITHOUT, positions=1)
    assert found.evidence["features_perturbed_by"] == pytest.approx(1.0)
    assert [dict(remedy.changes) for remedy in found.remedies] == [{"model.dropout": 0.0}]


def test_dropout_that_narrows_the_gap_is_not_idle() -> None:
    # Without it validation is ten points lower.
    worse = fit("without", shares((488, 1.0), (262, 0.0)), train=1.0)
    found = idle(DROPPED, worse)
    assert found.effect is not None
    assert (found.effect.low, found.effect.high) == (0.0, 0.0)
    assert found.p is not None
    assert found.p > 0.99
    assert outcome(found) is Outcome.EXCLUDED


def test_dropout_that_costs_validation_is_not_idle_either() -> None:
    better = fit("without", shares((638, 1.0), (112, 0.0)), train=1.0)
    assert outcome(idle(DROPPED, better)) is Outcome.EXCLUDED


def test_dropout_that_only_keeps_training_accuracy_down_is_not_idle() -> None:
    # Validation is untouched, but eight points of the gap are gone.
    held_back = fit("baseline", DROPPED.correct, train=0.92)
    assert outcome(idle(held_back, WITHOUT)) is Outcome.EXCLUDED


def test_few_images_leave_it_open() -> None:
    few = fit("baseline", DROPPED.correct[::10], train=0.998), fit("without", WITHOUT.correct[::10], train=1.0)
    found = idle(*few)
    assert outcome(found) is Outcome.UNDETERMINED
    assert found.effect is not None
    assert found.effect.low == 0.0


def test_without_a_gap_idle_dropout_does_no_harm() -> None:
    right = fit("baseline", shares((1990, 1.0), (10, 0.0)), train=0.998)
    without = fit("without", shares((1990, 1.0), (10, 0.0)), train=1.0)
    found = idle_dropout(right, without, rate=0.5, positions=25, train_images=8000)
    assert outcome(found) is Outcome.EXCLUDED


def test_without_dropout_or_its_absence_there_is_nothing_to_say() -> None:
    assert outcome(idle(DROPPED, WITHOUT, rate=0.0)) is Outcome.EXCLUDED
    assert outcome(idle(DROPPED, None)) is Outcome.NOT_MEASURED


STRONG = fit("baseline", shares((640, 1.0), (160, 0.0)), train=0.81)
TENTH = fit("tenth of l2", shares((720, 1.0), (80, 0.0)), train=0.92, changes={"model.l2": 0.01})
NO_DROPOUT = fit("no dropout", shares((645, 1.0), (155, 0.0)), train=0.82, changes={"model.dropout": 0.0})


def test_the_weaker_regulariser_that_gains_most_is_the_remedy() -> None:
    found = over_regularized(STRONG, [NO_DROPOUT, TENTH], train_images=3000, probe_correct=np.arange(800) < 744)
    assert outcome(found) is Outcome.FOUND
    assert found.effect is not None
    assert found.effect.estimate == pytest.approx(0.1)
    error = np.sqrt((82 / 802 - (80 / 802) ** 2) / 802)
    reach = student.ppf(1 - 0.025 / 2, 799) * error
    assert (found.effect.low, found.effect.high) == pytest.approx((80 / 802 - reach, 80 / 802 + reach))
    assert found.p == pytest.approx(2 * student.sf(80 / 802 / error, 799))
    assert found.evidence["clean_gap"] == pytest.approx(0.01)
    assert found.evidence["train_gained"] == pytest.approx(0.11)
    assert found.evidence["ridge_gains"] == pytest.approx(0.13)
    assert [dict(remedy.changes) for remedy in found.remedies] == [{"model.l2": 0.01}, {"model.dropout": 0.0}]
    assert "With l2 = 0.01 validation accuracy is higher by 10.0 points" in found.summary


def test_a_regulariser_that_is_needed_is_not_too_strong() -> None:
    found = over_regularized(TENTH, [fit("none", STRONG.correct, train=1.0)], train_images=3000)
    assert outcome(found) is Outcome.EXCLUDED
    assert found.remedies == ()
    assert "validation accuracy is lower by 10.0 points" in found.summary


def test_where_nothing_is_regularised_nothing_is_too_strong() -> None:
    assert over_regularized(STRONG, [], train_images=3000).exact


def test_a_repetition_that_differs_as_much_takes_the_finding_back() -> None:
    # Trainings of the same configuration lie eight points apart: a gain of ten after one of them proves little.
    once = fit("baseline", shares((560, 1.0), (80, 2 / 3), (160, 0.0)), train=0.81)
    again = fit("again", shares((640, 1.0), (60, 2 / 3), (100, 0.0)), train=0.85)
    weaker = fit("weaker", shares((690, 1.0), (60, 2 / 3), (50, 0.0)), train=0.92)
    calm = over_regularized(once, [weaker], train_images=3000)
    restless = over_regularized(once, [weaker], train_images=3000, again=again)
    assert outcome(calm) is Outcome.FOUND
    assert outcome(restless) is Outcome.UNDETERMINED
    assert restless.images == 0
