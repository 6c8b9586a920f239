"""Networks that learn nothing, networks that have nothing to learn, and networks that only look like either."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from sweep.diagnosis.probes.not_training import not_training
from sweep.diagnosis.statistics import wilson
from sweep.diagnosis.verdict import Outcome, judge
from sweep.records import Finding, FitRecord

CLASSES = 10


def baseline(*, train: float, right: int = 100) -> FitRecord:
    """A network that names one of ten classes, whatever the image."""
    return FitRecord(
        name="baseline",
        seeds=1,
        train_accuracy=train,
        train_cross_entropy=2.3033,
        correct=(np.arange(1000) < right).astype(np.float64),
        cross_entropy=np.full(1000, 2.3033),
        trainable_parameters=2_000_000,
        train_curve=np.full(10, 2.3033),
        validation_curve=np.full(10, 2.3033),
    )


def probed(
    fit: FitRecord,
    *,
    small: float | None = 4 / 32,
    epochs: int = 10,
    counts: tuple[int, ...] = (500,) * CLASSES,
    signal: dict[str, float] | None = None,
    probe: NDArray[np.bool_] | None = None,
    rates: Sequence[FitRecord] = (),
) -> Finding:
    return not_training(
        fit,
        small_fit_accuracy=small,
        counts=np.array(counts),
        epochs=epochs,
        signal=signal,
        probe_correct=probe,
        others=rates,
    )


def outcome(finding: Finding) -> Outcome:
    return judge([finding], num_classes=CLASSES).judged[0].outcome


def test_a_network_that_cannot_learn_32_images_by_heart_does_not_train() -> None:
    found = probed(baseline(train=0.0998), signal={"logit_deviation": 2e-12, "last_gradient": math.nan})
    assert outcome(found) is Outcome.FOUND
    assert found.p == pytest.approx(binom.cdf(4, 32, 0.9))
    assert found.effect is not None
    missing = wilson(28, 32)
    assert (found.effect.estimate, found.effect.low, found.effect.high) == pytest.approx(
        (28 / 32, missing.low, missing.high)
    )
    assert found.evidence["logit_deviation"] == 2e-12
    assert "last_gradient" not in found.evidence
    assert found.evidence["cross_entropy_of_guessing"] == pytest.approx(2.302585)
    assert "After 10 epochs it fits 10.0 % of the training images" in found.summary
    assert "and 4 of 32 that it was trained on alone" in found.summary
    assert found.remedies[0].changes == {"model.backbone_batch_norm": "kept"}


def test_what_a_linear_probe_reaches_is_what_it_lacks() -> None:
    found = probed(baseline(train=0.1), probe=np.arange(1000) < 600)
    assert found.effect is not None
    assert found.effect.estimate == pytest.approx(0.5)
    assert "50.0 points" in found.summary
    assert "linear probe" in found.summary
    # A probe that is no better shows nothing that is lacking: the few images do.
    empty = probed(baseline(train=0.1), probe=np.arange(1000) >= 900)
    assert empty.effect is not None
    assert empty.effect.estimate == 28 / 32


def test_features_that_carry_nothing_are_another_matter() -> None:
    found = probed(baseline(train=0.1), small=31 / 32)
    assert found.exact
    assert outcome(found) is Outcome.EXCLUDED
    assert "31 of 32 images by heart" in found.summary


def test_what_is_better_than_the_most_frequent_class_trains() -> None:
    # Two points above the share of the most frequent class count, and one standard error of 1,000 images is less.
    assert outcome(probed(baseline(train=0.125))) is Outcome.EXCLUDED
    assert outcome(probed(baseline(train=0.115))) is Outcome.FOUND
    # With 450 of 900 images in one class, half is what naming it gives.
    uneven = (450, *(50,) * 9)
    assert outcome(probed(baseline(train=0.5), counts=uneven)) is Outcome.FOUND
    assert outcome(probed(baseline(train=0.53), counts=uneven)) is Outcome.EXCLUDED


def test_too_little_is_known_after_few_epochs_or_without_the_small_fit() -> None:
    assert outcome(probed(baseline(train=0.1), epochs=4)) is Outcome.NOT_MEASURED
    assert outcome(probed(baseline(train=0.1), small=None)) is Outcome.NOT_MEASURED
    assert outcome(probed(baseline(train=0.9), small=None)) is Outcome.EXCLUDED


def test_a_network_that_learns_at_another_rate_trains() -> None:
    higher = replace(baseline(train=0.6), name="higher rate", changes={"training.learning_rate": 0.025})
    found = probed(baseline(train=0.1), rates=(baseline(train=0.1), higher))
    assert found.exact
    assert outcome(found) is Outcome.EXCLUDED
    assert found.summary == (
        "It trains with learning_rate = 0.025, and then fits 60.0 % of the training images; as it is 10.0 %."
    )


def test_a_rate_must_learn_clearly() -> None:
    # A tenth of what naming one of ten classes leaves wrong: 0.1 + 0.09.
    assert outcome(probed(baseline(train=0.1), rates=(baseline(train=0.18),))) is Outcome.FOUND
    assert outcome(probed(baseline(train=0.1), rates=(baseline(train=0.20),))) is Outcome.EXCLUDED
