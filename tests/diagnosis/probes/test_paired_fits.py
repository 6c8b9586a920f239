"""What one configuration gains over another: against Bonett and Price, worked-out errors, and simulated luck."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import t as student

from sweep.diagnosis.probes.paired_fits import (
    accuracy_gained,
    cross_entropy_saved,
    train_accuracy_gained,
    yardstick,
)
from sweep.diagnosis.statistics import paired_accuracy_difference, standard_error
from sweep.records import FitRecord

Floats = NDArray[np.float64]


def shares(*runs: tuple[int, float]) -> Floats:
    """`shares((3, 1.0), (2, 0.0))` is three images that every training gets right and two that none does."""
    return np.concatenate([np.full(count, value) for count, value in runs])


def fit(correct: Floats, *, seeds: int = 3, train: float = 1.0, cross_entropy: Floats | None = None) -> FitRecord:
    return FitRecord(
        name="fit",
        seeds=seeds,
        train_accuracy=train,
        train_cross_entropy=0.1,
        correct=correct,
        cross_entropy=np.ones(len(correct)) if cross_entropy is None else cross_entropy,
        trainable_parameters=10,
        train_curve=np.empty(0),
        validation_curve=np.empty(0),
    )


def test_the_error_of_the_images_is_bonett_and_prices() -> None:
    first = fit(shares((70, 1.0), (9, 1.0), (4, 0.0), (17, 0.0)))
    second = fit(shares((70, 1.0), (9, 0.0), (4, 1.0), (17, 0.0)))
    found = accuracy_gained(first, second)
    theirs = paired_accuracy_difference(first.correct, second.correct)
    # (9 + 1 - 4 - 1) / 102, and a variance of (15 / 102 - (5 / 102)²) / 102; no image differs between trainings.
    assert found.estimate == pytest.approx(0.05)
    assert found.centre == pytest.approx(5 / 102)
    assert found.error == pytest.approx(math.sqrt((15 / 102 - (5 / 102) ** 2) / 102))
    assert found.error == pytest.approx((theirs.high - theirs.low) / 2 / 1.959964)
    assert found.units == 100
    assert found.interval().high - found.centre == pytest.approx(student.ppf(0.975, 99) * found.error)
    assert found.above() == pytest.approx(student.sf(5 / 102 / found.error, 99))


def test_nothing_is_certain_where_two_fits_agree_on_every_image() -> None:
    same = fit(shares((15, 1.0), (5, 0.0)))
    interval = accuracy_gained(same, same).interval()
    assert interval.estimate == 0.0
    assert interval.high > 0.1
    assert accuracy_gained(same, same).above() == pytest.approx(0.5)


def test_what_the_images_of_a_training_share_grows_with_how_much_trainings_disagree() -> None:
    # 16 of 100 images split 2 : 1 over three trainings: 2/9 each times 3/2, on average 4/75 between trainings.
    lucky = fit(shares((16, 2 / 3), (74, 1.0), (10, 0.0)))
    shared = (5 * (4 / 75) ** 2) ** 2
    steady = fit(shares((90, 1.0), (10, 0.0)))
    assert accuracy_gained(steady, lucky).training_variance == pytest.approx(shared / 3)
    assert accuracy_gained(lucky, lucky).training_variance == pytest.approx(2 * shared / 3)
    assert accuracy_gained(lucky, lucky, restless=4.0).training_variance == pytest.approx(8 * shared / 3)
    # Where every image splits they have eight points in common, and no more.
    torn = fit(np.full(100, 1 / 3))
    assert accuracy_gained(steady, torn).training_variance == pytest.approx(0.0064 / 3)
    # A closed form has no luck.
    assert accuracy_gained(steady.correct, lucky).training_variance == pytest.approx(shared / 3)


def test_after_a_single_training_all_that_differs_may_be_luck() -> None:
    once = fit(shares((8, 0.0), (92, 1.0)), seeds=1)
    other = fit(np.ones(100), seeds=1)
    # Eight of 100 images differ: 0.04 for each of two single trainings, all of it for one beside a closed form.
    assert accuracy_gained(other, once).training_variance == pytest.approx(2 * (5 * 0.04**2) ** 2)
    assert accuracy_gained(np.ones(100), once).training_variance == pytest.approx((5 * 0.08**2) ** 2)


def test_images_of_one_source_count_as_one() -> None:
    first, second = shares((40, 1.0), (10, 0.0)), shares((30, 1.0), (10, 0.0), (5, 1.0), (5, 0.0))
    alone = accuracy_gained(fit(first), fit(second))
    copied = accuracy_gained(fit(np.repeat(first, 5)), fit(np.repeat(second, 5)), groups=np.repeat(np.arange(50), 5))
    assert copied.units == 50
    assert copied.error == pytest.approx(alone.error, rel=0.02)
    assert accuracy_gained(fit(np.repeat(first, 5)), fit(np.repeat(second, 5))).error < 0.6 * alone.error


def test_one_source_alone_says_nothing() -> None:
    found = accuracy_gained(fit(np.ones(20)), fit(np.zeros(20)), groups=["a"] * 20)
    assert found.above() == 1.0
    assert (found.interval().low, found.interval().high) == (-1.0, 1.0)


def test_fits_of_different_images_are_refused() -> None:
    with pytest.raises(ValueError, match=r"same images, got \(3,\) and \(4,\)"):
        accuracy_gained(fit(np.ones(3)), fit(np.ones(4)))


def test_cross_entropy_saved_is_a_paired_mean() -> None:
    first, second = fit(np.ones(4), cross_entropy=np.array([0.1, 0.2, 0.3, 0.4])), fit(np.ones(4))
    found = cross_entropy_saved(first, second)
    assert found.estimate == pytest.approx(0.75)
    assert found.images_variance == pytest.approx(standard_error(np.array([0.9, 0.8, 0.7, 0.6]))[0] ** 2)
    assert found.training_variance == pytest.approx(0.07 * 0.0125)
    assert found.largest == math.inf


def test_training_accuracy_has_the_luck_of_trainings_alone() -> None:
    split = shares((16, 2 / 3), (74, 1.0), (10, 0.0))
    shared = (5 * (4 / 75) ** 2) ** 2
    found = train_accuracy_gained(fit(split, train=0.9), fit(split, train=0.8), images=250)
    assert found.estimate == pytest.approx(0.1)
    assert found.units == 0
    assert found.images_variance == 0.0
    # 0.08 of the standard deviation of a Bernoulli draw, the luck of 250 of them, and what validation shares.
    assert found.training_variance == pytest.approx((0.0104 * (0.09 + 0.16) + 2 * shared) / 3)
    # A single training may disagree with another one as much as draws of its accuracy.
    once = fit(shares((95, 1.0), (5, 0.0)), seeds=1, train=0.9)
    assert train_accuracy_gained(once, once, images=250).training_variance == pytest.approx(
        2 * (0.0104 * 0.09 + (5 * 0.0475**2) ** 2)
    )


def test_a_repetition_joins_the_baseline_and_shows_how_much_trainings_differ() -> None:
    baseline = fit(shares((50, 0.5), (50, 1.0)), seeds=2, train=0.9)
    assert yardstick(baseline, None).restless == 1.0
    assert yardstick(baseline, None).fit is baseline

    alike = yardstick(baseline, fit(shares((49, 0.5), (51, 1.0)), seeds=2, train=0.8))
    assert alike.restless == 1.0
    assert alike.fit.seeds == 4
    assert alike.fit.train_accuracy == pytest.approx(0.85)
    assert alike.fit.correct[49] == pytest.approx(0.75)

    # The 50 images that were right once in two are now right four times of four: 25 points, where 0.25 between
    # trainings of the baseline gives it eight at most, and the repetition shares nothing.
    unlike = yardstick(baseline, fit(np.ones(100), seeds=4))
    images = accuracy_gained(np.ones(100), baseline).images_variance
    assert unlike.restless == pytest.approx((0.25**2 - images) / (0.0064 / 2))
    assert unlike.restless > 15
    assert unlike.fit.correct[0] == pytest.approx((2 * 0.5 + 4 * 1.0) / 6)
    assert unlike.accuracy_gained(np.ones(100)).training_variance == pytest.approx(
        unlike.restless * accuracy_gained(np.ones(100), unlike.fit).training_variance
    )


def test_cross_entropies_have_a_restlessness_of_their_own() -> None:
    rng = np.random.default_rng(9)
    nats = rng.exponential(size=50)
    baseline, again = (
        fit(np.ones(50), cross_entropy=nats),
        fit(np.ones(50), cross_entropy=nats + rng.normal(1, 0.1, 50)),
    )
    found = yardstick(baseline, again)
    assert found.restless == 1.0
    assert found.restless_in_nats == pytest.approx(1 / (0.07 * 0.01), rel=0.4)


def test_two_means_of_one_configuration_are_rarely_told_apart() -> None:
    # Trainings lie 2.7 points apart, images aside: taken for independent images, every fifth pair would differ.
    rng = np.random.default_rng(np.random.SeedSequence((0, 71)))
    p, naive = [], []
    for _ in range(400):
        rates = expit(rng.normal(3.0, 3.0, 400) + rng.normal(0.0, 0.35, (2, 3, 1)))
        first, second = (fit(one) for one in (rng.random(rates.shape) < rates).mean(axis=1))
        found = accuracy_gained(first, second)
        p.append(found.above())
        naive.append(replace(found, training_variance=0.0).above())
    assert np.mean(np.array(naive) < 0.05) > 0.15
    assert 0.005 < np.mean(np.array(p) < 0.05) < 0.06
    assert np.mean(np.array(p) < 0.01) < 0.012


ENDS = ((0.90, 0.70), (0.92, 0.74), (0.94, 0.66), (0.88, 0.72), (0.96, 0.68))


def test_trainings_that_tell_where_they_end_say_how_far_apart_that_is() -> None:
    """Five on either side: validation's own variance of 0.001 counts four times, what was known before four times."""
    told = replace(fit(shares((70, 1.0), (30, 0.0)), seeds=5), accuracies=ENDS)
    untold = replace(told, accuracies=())
    assert accuracy_gained(untold, untold).training_variance == 0.0
    own = float(np.var([one for _, one in ENDS], ddof=1))
    assert own == pytest.approx(0.001)
    assert accuracy_gained(told, told).training_variance == pytest.approx(2 * (4 * own / 8) / 5)
    before = train_accuracy_gained(untold, untold, images=100).training_variance * 5 / 2
    pooled = (4 * before + 4 * float(np.var([one for one, _ in ENDS], ddof=1))) / 8
    assert train_accuracy_gained(told, told, images=100).training_variance == pytest.approx(2 * pooled / 5)


def test_four_trainings_say_too_little() -> None:
    few = replace(fit(shares((70, 1.0), (30, 0.0)), seeds=4), accuracies=ENDS[:4])
    assert accuracy_gained(few, few).training_variance == 0.0


def test_a_repetition_that_tells_its_ends_joins_them_and_multiplies_nothing() -> None:
    baseline = replace(fit(shares((70, 1.0), (30, 0.0)), seeds=5), accuracies=ENDS)
    again = replace(fit(shares((80, 1.0), (20, 0.0)), seeds=5), accuracies=ENDS)
    assert yardstick(replace(baseline, accuracies=()), replace(again, accuracies=())).restless >= 1.0
    measure = yardstick(baseline, again)
    assert measure.restless == 1.0
    assert measure.fit.accuracies == 2 * ENDS
