"""The best of many and the last epoch: what is found, excluded, not measured, and proposed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.diagnosis.optimism import Optimism, Select, corrected_score
from sweep.diagnosis.probes.kept_epochs import EpochAnswers
from sweep.diagnosis.probes.selection import best_of_many, last_epoch
from sweep.diagnosis.verdict import Outcome, judge
from sweep.records import Finding, FitRecord, IndexArray, Interval, Measurement, Scalar, TrialRecord, Unit

TrialMaker = Callable[..., TrialRecord]
N = 200
LABELS: IndexArray = np.arange(N, dtype=np.int64) % 5
LAST: dict[str, Scalar] = {"keep": "last", "schedule": "constant"}


def outcome(finding: Finding) -> Outcome:
    return judge([finding], num_classes=5).judged[0].outcome


# ---- the best of many ----------------------------------------------------------------------------------------------


def by(told: NDArray[np.float64]) -> Select:
    def select(weights: NDArray[np.float64]) -> IndexArray:
        return np.asarray(np.round(weights @ told.T, 9).argmax(axis=1), np.int64)

    return select


def choice(scores: NDArray[np.float64]) -> tuple[Optimism, Select]:
    select = by(scores)
    selected = int(select(np.ones((1, scores.shape[1])))[0])
    return corrected_score(scores, select, selected=selected, seed=0, draws=400), select


def test_the_luck_of_the_best_of_forty_equals_is_found() -> None:
    scores = (np.random.default_rng(1).random((40, N)) < 0.8).astype(np.float64)
    optimism, select = choice(scores)
    found = best_of_many(optimism, scores=scores, select=select)
    assert found.effect is not None
    assert found.effect.estimate == optimism.bias > 0.04
    assert outcome(found) is Outcome.FOUND
    assert found.images == N
    assert "The first of 40 trials scores 8" in found.summary
    assert found.evidence["naive"] == pytest.approx(scores.mean(axis=1).max())
    assert f"{100 * optimism.corrected.estimate:.1f} %" in found.remedies[0].sentence


def test_one_that_is_far_ahead_is_no_luck() -> None:
    accuracies = np.array([[0.95], [0.6], [0.5]])
    scores = (np.random.default_rng(2).random((3, N)) < accuracies).astype(np.float64)
    optimism, select = choice(scores)
    found = best_of_many(optimism, scores=scores, select=select)
    assert found.p == 1.0
    assert outcome(found) is Outcome.EXCLUDED


def test_a_corrected_score_alone_can_only_exclude() -> None:
    wide = Optimism(
        corrected=Interval(estimate=0.75, low=0.70, high=0.80), naive=0.78, bias=0.03, chosen=(0.5, 0.3, 0.2)
    )
    found = best_of_many(wide)
    assert found.effect is not None
    assert (found.effect.estimate, found.effect.low, found.effect.high) == pytest.approx((0.03, -0.02, 0.08))
    # z = 0.03 / (0.05 / 1.96) = 1.176.
    assert found.p == pytest.approx(0.1198, abs=1e-4)
    assert outcome(found) is Outcome.UNDETERMINED
    narrow = replace(wide, corrected=Interval(estimate=0.778, low=0.77, high=0.781), bias=0.002)
    assert outcome(best_of_many(narrow)) is Outcome.EXCLUDED
    assert best_of_many(replace(wide, bias=0.0)).p == 1.0


def test_without_a_choice_there_is_no_luck() -> None:
    assert best_of_many(None).effect is None
    alone = Optimism(corrected=Interval(estimate=0.7, low=0.6, high=0.8), naive=0.7, bias=0.0, chosen=(1.0,))
    assert outcome(best_of_many(alone)) is Outcome.EXCLUDED


# ---- the last epoch ------------------------------------------------------------------------------------------------


@pytest.fixture
def measurement(trial_record: TrialMaker) -> Measurement:
    """Four epochs; the third is the best by 0.5 nats, the kept one is right as often."""
    made = trial_record(0, correct=np.arange(N) < 160, epochs=4).measurement
    assert made is not None
    curve = (0.9, 0.7, 0.5, 1.0)
    epochs = tuple(
        replace(epoch, validation_cross_entropy=nats, validation_accuracy=0.8)
        for epoch, nats in zip(made.epochs, curve, strict=True)
    )
    return replace(made, epochs=epochs, validation_cross_entropy_error=0.05)


def with_logits(measurement: Measurement, factor: float) -> Measurement:
    """Logits whose temperature is `factor`; of normal ones of variance 1, the label's 2.2 higher, it is 1 / 2.2."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1, (N, 5))
    logits[np.arange(N), LABELS] += 2.2
    stored = replace(measurement.predictions[0], logits=(factor * 2.2 * logits).astype(np.float16))
    return replace(measurement, predictions=(stored,))


def fits(excess: float) -> tuple[FitRecord, FitRecord]:
    rng = np.random.default_rng(0)
    base = rng.exponential(0.5, N)
    worse = base + excess * rng.uniform(0, 2, N)
    curve = np.array([0.9, 0.7, base.mean(), worse.mean()])
    made = [
        FitRecord(
            name="a fit",
            seeds=1,
            train_accuracy=0.98,
            train_cross_entropy=0.1,
            correct=(np.arange(N) < 160).astype(np.float64),
            cross_entropy=nats,
            trainable_parameters=1,
            train_curve=curve,
            validation_curve=curve,
        )
        for nats in (base, worse)
    ]
    return made[0], made[1]


def test_means_alone_find_a_plain_excess(measurement: Measurement) -> None:
    found = last_epoch(measurement, LAST)
    assert found.effect is not None
    assert found.unit is Unit.CROSS_ENTROPY
    assert found.effect.estimate == pytest.approx(0.5)
    assert outcome(found) is Outcome.FOUND
    assert "0.50 nats" in found.summary
    assert "the last epoch, 4, whose weights are kept, than at epoch 3" in found.summary
    assert [tuple(remedy.changes.items()) for remedy in found.remedies] == [
        (("training.keep", "best"),),
        (("training.schedule", "cosine"),),
    ]
    assert len(last_epoch(measurement, {**LAST, "schedule": "cosine"}).remedies) == 1


def test_fits_are_preferred_to_means_and_answers_to_fits(measurement: Measurement) -> None:
    found = last_epoch(measurement, LAST, fits=fits(0.2))
    assert found.effect is not None
    assert found.effect.estimate == pytest.approx(0.2, abs=0.03)
    assert outcome(found) is Outcome.FOUND
    nats = np.array([0.5, 0.8])[:, None] + np.random.default_rng(1).exponential(0.2, (2, N))
    answers = EpochAnswers(cross_entropy=nats, correct=np.ones((2, N), bool))
    halved = last_epoch(measurement, LAST, fits=fits(0.2), answers=answers)
    assert halved.effect is not None
    assert halved.effect.estimate == pytest.approx(0.3, abs=0.05)
    assert "picked on one half" in halved.summary


def test_equal_fits_exclude(measurement: Measurement) -> None:
    same = fits(0.0)[0]
    found = last_epoch(measurement, LAST, fits=(same, same))
    assert found.p == 1.0
    assert outcome(found) is Outcome.EXCLUDED


def test_a_temperature_tells_overconfidence_from_lost_accuracy(measurement: Measurement) -> None:
    hot = with_logits(measurement, 3.0)
    found = last_epoch(hot, LAST, fits=fits(0.2), labels=LABELS)
    assert found.evidence["overconfidence"] is True
    assert found.evidence["temperature"] == pytest.approx(3.0, rel=0.15)
    assert found.summary.endswith(": overconfidence, not lost accuracy.")
    assert "temperature" in found.remedies[-1].sentence
    well = last_epoch(with_logits(measurement, 1.0), LAST, fits=fits(0.2), labels=LABELS)
    assert well.evidence["overconfidence"] is False
    best, last = fits(0.2)
    lost = replace(last, correct=(np.arange(N) < 140).astype(np.float64))
    timid = last_epoch(with_logits(measurement, 0.2), LAST, fits=fits(0.2), labels=LABELS)
    assert timid.evidence["saved_by_temperature"] > 0.3  # type: ignore[operator]
    assert timid.evidence["overconfidence"] is False
    both = last_epoch(hot, LAST, fits=(best, lost), labels=LABELS)
    assert both.evidence["overconfidence"] is False
    assert both.evidence["lost_accuracy"] == pytest.approx(0.1)
    assert "temperature" not in last_epoch(hot, LAST, labels=LABELS[:-1]).evidence


def test_what_cannot_be_or_cannot_be_known(measurement: Measurement) -> None:
    assert outcome(last_epoch(measurement, {"keep": "best"})) is Outcome.EXCLUDED
    assert outcome(last_epoch(replace(measurement, epochs_run=1), LAST)) is Outcome.EXCLUDED
    pruned = last_epoch(replace(measurement, stopped="pruned"), LAST)
    assert "the pruner ended training after 4 epochs" in pruned.missing
    assert outcome(last_epoch(replace(measurement, stopped="early stopping"), LAST)) is Outcome.FOUND
    assert last_epoch(replace(measurement, validation_cross_entropy_error=float("inf")), LAST).effect is None
    few = last_epoch(measurement, LAST, fits=fits(0.2), groups=np.arange(N) % 7)
    assert few.missing == "validation has 7 independent images alone"
    assert last_epoch(replace(measurement, validation_images=5), LAST).effect is None
