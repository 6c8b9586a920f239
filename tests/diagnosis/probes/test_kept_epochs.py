"""Curves with a known excess: by halves, by fits and by means, and what a temperature takes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.diagnosis.probes.kept_epochs import (
    EpochAnswers,
    _p_of_the_best,
    calibrated,
    excess_by_halves,
    excess_of_fits,
    excess_of_means,
)
from sweep.diagnosis.statistics import mean_above_zero, paired_accuracy_difference
from sweep.records import FitRecord, Measurement, TrialRecord

TrialMaker = Callable[..., TrialRecord]
FloatArray = NDArray[np.float64]
N = 200


def answers(lasts: float = 0.3, *, epochs: int = 8, seed: int = 0) -> EpochAnswers:
    """Least at epoch 3, from where the cross-entropy rises by `lasts` nats; noise of 0.1 an image and epoch."""
    rng = np.random.default_rng(seed)
    course = np.concatenate([[0.4, 0.2, 0.0], np.linspace(0, lasts, epochs - 2)[1:]])
    nats = 0.6 + rng.exponential(0.3, N) + course[:, None] + rng.normal(0, 0.1, (epochs, N))
    correct = np.tile(np.arange(N) < 160, (epochs, 1))
    correct[-1, 140:160] = False
    return EpochAnswers(cross_entropy=nats, correct=correct)


def fit(nats: FloatArray, correct: NDArray[np.bool_] | FloatArray, curve: FloatArray, *, seeds: int = 1) -> FitRecord:
    return FitRecord(
        name="a fit",
        seeds=seeds,
        train_accuracy=0.98,
        train_cross_entropy=0.1,
        correct=correct.astype(np.float64),
        cross_entropy=nats,
        trainable_parameters=1,
        train_curve=curve,
        validation_curve=curve,
    )


def test_halves_find_the_excess_and_the_epoch() -> None:
    found = excess_by_halves(answers(), None, 0)
    assert found.best == (3,)
    assert found.nats.estimate == pytest.approx(0.3, abs=0.03)
    # Each half knows it to 0.1 * sqrt(2 / 100) = 0.0141, times 2.28 at 97.5 %.
    assert found.nats.high - found.nats.estimate == pytest.approx(0.0141 * 2.3, rel=0.2)
    assert found.p == 1 / 10_000
    # 20 of 200 are lost, however they fall on the halves.
    assert found.lost.estimate == pytest.approx(0.1, abs=0.02)
    assert found.lost.low > 0


def test_a_winner_by_luck_is_no_excess() -> None:
    """Eight equal epochs: the best of them on all images is 0.014 nats better, on the other half it is not."""
    still = answers(0.0)
    rng = np.random.default_rng(1)
    equal = EpochAnswers(
        cross_entropy=0.6 + rng.exponential(0.3, N) + rng.normal(0, 0.1, (8, N)), correct=still.correct
    )
    means = equal.cross_entropy.mean(axis=1)
    assert means[-1] - means.min() > 0.005
    found = excess_by_halves(equal, None, 0)
    assert found.nats.low < 0
    assert found.p > 0.05


def test_a_last_epoch_that_is_the_best_costs_nothing() -> None:
    falling = EpochAnswers(
        cross_entropy=np.linspace(2, 1, 6)[:, None] + np.linspace(0, 1, N), correct=np.ones((6, N), bool)
    )
    found = excess_by_halves(falling, None, 0)
    assert (found.nats.estimate, found.nats.low, found.nats.high, found.p) == (0, 0, 0, 1)
    assert found.best == (6,)


def test_sources_stay_in_one_half() -> None:
    given = answers()
    doubled = EpochAnswers(
        cross_entropy=np.repeat(given.cross_entropy, 3, axis=1), correct=np.repeat(given.correct, 3, axis=1)
    )
    found = excess_by_halves(doubled, np.repeat(np.arange(N), 3), 0)
    single = excess_by_halves(given, None, 0)
    assert found.nats.estimate == pytest.approx(single.nats.estimate)
    assert found.p == single.p


def test_the_p_of_the_best_counts_all_epochs() -> None:
    """Of 5 images that all say the same, every epoch alone has p = 1 / 32; epochs alike are no second chance."""
    one = np.array([1.0, 2.0, 0.5, 1.5, 0.7])
    rng = np.random.default_rng(0)
    alike = EpochAnswers(cross_entropy=np.concatenate([np.zeros((4, 5)), [one]]), correct=np.ones((5, 5), bool))
    assert _p_of_the_best(alike.cross_entropy[-1] - alike.cross_entropy[:-1], np.arange(5), 0) == pytest.approx(
        1 / 32, abs=0.006
    )
    unlike = np.concatenate([[one], rng.permuted(np.tile([1.0, -1.0, 1.0, -1.0, 0.1], (40, 1)), axis=1)])
    assert _p_of_the_best(unlike, np.arange(5), 0) > 0.05


def test_fits_count_for_every_epoch_they_were_picked_from() -> None:
    given = answers(0.04)
    nats, right = given.cross_entropy, given.correct
    curve = nats.mean(axis=1)
    at = int(curve.argmin())
    best, last = fit(nats[at], right[at], curve), fit(nats[-1], right[-1], curve)
    found = excess_of_fits(best, last, None, 0)
    differences = nats[-1] - nats[at]
    assert found.p == pytest.approx(7 * mean_above_zero(differences))
    assert found.nats.estimate == pytest.approx(float(differences.mean()))
    # Downwards Student's quantile of 1 - 0.05 / 7, upwards that of 0.95 at least, of an error of 0.01.
    error = float(differences.std(ddof=1)) / np.sqrt(N)
    assert (found.nats.estimate - found.nats.low) / error == pytest.approx(2.7184, abs=2e-3)
    assert (found.nats.high - found.nats.estimate) / error == pytest.approx(1.972, rel=0.08)
    assert found.lost == paired_accuracy_difference(right[at], right[-1])
    assert found.best == (at + 1,)
    means = excess_of_fits(replace(best, correct=right[at] * 0.5), replace(last, correct=right[-1] * 0.5), None, 0)
    assert means.lost.estimate == pytest.approx(0.05)


def test_the_lower_bound_of_fits_is_above_zero_where_their_p_is_small() -> None:
    """A few images carry the sum: one test says both, at half of 5 %."""
    rng = np.random.default_rng(3)
    base = rng.exponential(0.3, N)
    signs, chances = [], []
    for scale in np.linspace(0.05, 0.6, 40):
        worse = base + scale * (rng.pareto(1.5, N) - 0.5)
        curve = np.array([2.0, *[float(base.mean())] * 20, float(worse.mean())])
        found = excess_of_fits(fit(base, np.ones(N), curve, seeds=8), fit(worse, np.ones(N), curve, seeds=8), None, 0)
        signs.append(found.nats.low > 0)
        chances.append(found.p < 0.025)
    assert signs == chances
    assert 0 < sum(signs) < 40


def test_trainings_that_pick_epochs_of_their_own_are_held_to_one() -> None:
    """Each seed's own best is 0.1 nats better than the last; no single epoch is so on average."""
    rng = np.random.default_rng(0)
    base = rng.exponential(0.5, N)
    curve = np.array([2.0, float(base.mean()), float(base.mean()), float(base.mean())])
    best, last = fit(base - 0.1, np.ones(N), curve, seeds=3), fit(base, np.ones(N), curve, seeds=3)
    found = excess_of_fits(best, last, None, 0)
    assert found.nats.estimate == pytest.approx(0.0)
    assert found.p == 1.0


def test_means_alone_are_taken_for_other_images(trial_record: TrialMaker) -> None:
    made = trial_record(0, correct=np.arange(N) < 160, epochs=5).measurement
    assert made is not None
    curve, shares = (0.9, 0.6, 0.7, 0.8, 1.0), (0.7, 0.82, 0.82, 0.81, 0.80)
    epochs = tuple(
        replace(epoch, validation_cross_entropy=nats, validation_accuracy=share)
        for epoch, nats, share in zip(made.epochs, curve, shares, strict=True)
    )
    measurement: Measurement = replace(made, epochs=epochs, validation_cross_entropy_error=0.1)
    found = excess_of_means(measurement)
    # 0.4 of an error of 0.1 * sqrt(2), for four epochs: z = 2.8284 at 1 - 0.05 / 4 has 2.4977.
    assert found.nats.estimate == pytest.approx(0.4)
    assert found.nats.low == pytest.approx(0.4 - 2.4977 * 0.141421, abs=1e-4)
    assert found.p == pytest.approx(4 * 0.0023389, rel=1e-3)
    assert found.lost.estimate == pytest.approx(0.02)
    assert found.lost.low < 0
    assert found.best == (2,)
    flat = excess_of_means(replace(measurement, epochs=epochs[:2]))
    assert (flat.nats.estimate, flat.p) == (0, 1)


def overconfident(factor: float, *, seed: int = 0) -> tuple[NDArray[np.float16], NDArray[np.int64]]:
    """Logits of which the labels are drawn, times a factor: the temperature that they need."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (600, 4))
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (rng.random((600, 1)) > chances.cumsum(axis=1)).sum(axis=1)
    return (factor * logits).astype(np.float16), labels


def test_a_temperature_takes_back_what_confidence_costs() -> None:
    logits, labels = overconfident(3.0)
    found = calibrated(logits, labels, None, 0)
    assert found.temperature == pytest.approx(3.0, rel=0.15)
    assert found.saved.low > 0.3
    honest = calibrated(*overconfident(1.0), None, 0)
    assert honest.temperature == pytest.approx(1.0, rel=0.15)
    assert honest.saved.low < 0.002
    assert honest.saved.high < 0.01


def test_a_temperature_is_judged_on_images_it_was_not_fitted_to() -> None:
    """Of random labels the best temperature is endless: nothing is saved beyond a coin's cross-entropy."""
    rng = np.random.default_rng(0)
    found = calibrated(rng.normal(0, 5, (100, 2)).astype(np.float16), rng.integers(0, 2, 100), None, 0)
    assert found.temperature > 5
    assert found.saved.estimate > 1
