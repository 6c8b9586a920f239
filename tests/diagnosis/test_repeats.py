"""Repetitions with known numbers: the corrected t interval by hand, pairing, and the cases that say little."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.diagnosis.repeats import RepeatComparison, compare_repeats, repeated
from sweep.records import RepeatRecord


def record(number: int, repeat: int, accuracy: float, **fields: object) -> RepeatRecord:
    """400 training images, all but a hundredth right, and 100 validation images."""
    values: dict[str, object] = {
        "new_split": True,
        "train_accuracy": 0.99,
        "train_cross_entropy": 0.05,
        "validation_cross_entropy": 0.5,
        "train_images": 400,
        "validation_images": 100,
        "selected_epoch": 8,
        "folds": 0,
        "seconds": 3.0,
    }
    return RepeatRecord(number=number, repeat=repeat, validation_accuracy=accuracy, **{**values, **fields})  # type: ignore[arg-type]


def records(number: int, accuracies: Sequence[float], **fields: object) -> list[RepeatRecord]:
    return [record(number, repeat, accuracy, **fields) for repeat, accuracy in enumerate(accuracies, start=1)]


GAINS = (0.10, 0.12, 0.08, 0.14, 0.06)  # mean 0.10, variance 0.004 / 4 = 0.001


def gains(images: int | None = None, **fields: object) -> RepeatComparison:
    start = [0.70, 0.72, 0.68, 0.71, 0.69]
    better = [a + b for a, b in zip(start, GAINS, strict=True)]
    return compare_repeats(records(0, start, **fields), records(7, better, **fields), images=images)


def test_the_corrected_interval_by_hand() -> None:
    # (1/5 + 100/400) * 0.001 = 0.00045; t(0.975; 4) = 2.776445; the distribution of t with 4 degrees is closed:
    # F(t) = 1/2 + 3/8 u (1 - u^2/12) with u = t / sqrt(1 + t^2/4), here at t = 0.1 / sqrt(0.00045).
    change = gains()
    assert (change.first, change.second, change.repeats, change.new_split) == (0, 7, 5, True)
    half = 2.776445 * math.sqrt(0.00045)
    gained = change.accuracy_gained
    assert (gained.estimate, gained.low, gained.high) == pytest.approx((0.10, 0.10 - half, 0.10 + half), abs=1e-6)
    # The train side is the same, so the gap narrows by as much.
    assert change.gap_narrowed.low == pytest.approx(gained.low)
    u = (t := 0.1 / math.sqrt(0.00045)) / math.sqrt(1 + t**2 / 4)
    p = 2 * (1 - (0.5 + 3 / 8 * u * (1 - u**2 / 12)))
    assert p == pytest.approx(0.0092, abs=5e-5)
    assert (change.p_gap, change.p_accuracy) == pytest.approx((p, p))


def test_a_cross_validation_tests_every_image_of_its_trainings() -> None:
    # k / (k - 1) = 500 / 400.
    half = 2.776445 * math.sqrt((1 / 5 + 5 / 4) * 0.001)
    assert gains(folds=5).accuracy_gained.low == pytest.approx(0.10 - half, abs=1e-6)


def test_images_that_every_training_sees_are_not_tested() -> None:
    # 200 images in 5 folds of 40 beside 1,000 that are always trained on: 200 / 1,160 = 0.172.
    pinned = {"folds": 5, "train_images": 1160, "validation_images": 40}
    half = 2.776445 * math.sqrt((1 / 5 + 200 / 1160) * 0.001)
    assert gains(**pinned).accuracy_gained.low == pytest.approx(0.10 - half, abs=1e-6)
    # Two hundred tested images: the least scatter that is believed is 1 / 200.
    one = repeated(records(7, [0.8] * 5, **pinned))[7]
    half = 2.776445 * math.sqrt(1 / 5 + 200 / 1160) / 200
    assert one.validation.high == pytest.approx(0.8 + half, abs=1e-6)


def test_folds_drawn_anew_test_the_same_images_again() -> None:
    # Two times five folds of 100 images: 1,000 predictions of 500 images.
    half = 2.776445 * math.sqrt((1 / 5 + 500 / 400) * 0.001)
    assert gains(500, folds=10).accuracy_gained.low == pytest.approx(0.10 - half, abs=1e-6)
    same = repeated(records(7, [0.8] * 5, folds=10), images=500)[7]
    assert same.validation.high == pytest.approx(0.8 + 2.776445 * math.sqrt(1 / 5 + 500 / 400) / 500, abs=1e-6)


def test_on_the_same_split_only_seeds_vary() -> None:
    change = gains(new_split=False)
    assert not change.new_split
    assert change.accuracy_gained.low == pytest.approx(0.10 - 2.776445 * math.sqrt(0.001 / 5), abs=1e-6)


def test_repetitions_are_paired_by_their_number() -> None:
    # Split 2 is hard for both: the difference is the same as on the others.
    first, second = records(0, [0.80, 0.60, 0.82]), records(7, [0.84, 0.66, 0.87])
    change = compare_repeats(first, reversed(second))
    assert change.accuracy_gained.estimate == pytest.approx(0.05)
    # 0.04, 0.06 and 0.05 scatter by 0.01; t(0.975; 2) = 4.302653.
    half = 4.302653 * math.sqrt((1 / 3 + 1 / 4) * 0.0001)
    assert change.accuracy_gained.high == pytest.approx(0.05 + half, abs=1e-6)
    assert compare_repeats(first[:2], second[1:]).repeats == 1


def test_a_saved_cross_entropy_is_positive_for_the_second() -> None:
    first = [record(0, one, 0.7, validation_cross_entropy=0.9 + one / 10) for one in (1, 2)]
    second = [record(7, one, 0.7, validation_cross_entropy=0.5) for one in (1, 2)]
    change = compare_repeats(first, second)
    assert change.cross_entropy_saved.estimate == pytest.approx(0.55)
    # 0.5 and 0.6: variance 0.005; t(0.975; 1) = 12.706205.
    half = 12.706205 * math.sqrt((1 / 2 + 1 / 4) * 0.005)
    assert change.cross_entropy_saved.high == pytest.approx(0.55 + half, abs=1e-5)


def test_differences_that_agree_by_chance_are_no_proof() -> None:
    # All 0.02: the scatter counts as one image of a hundred. t = 0.02 / (0.01 sqrt(0.45)) = 2.981 with 4 degrees.
    change = compare_repeats(records(0, [0.70] * 5), records(7, [0.72] * 5))
    half = 2.776445 * 0.01 * math.sqrt(0.45)
    assert change.accuracy_gained.low == pytest.approx(0.02 - half, abs=1e-6)
    assert 0.04 < change.p_accuracy < 0.05
    two = compare_repeats(records(0, [0.70] * 2), records(7, [0.72] * 2))
    assert two.p_accuracy > 0.2


def test_no_difference_at_all_has_p_1() -> None:
    change = compare_repeats(records(0, [0.7, 0.8]), records(7, [0.7, 0.8]))
    assert (change.p_gap, change.p_accuracy, change.p_cross_entropy) == (1, 1, 1)
    assert (change.cross_entropy_saved.low, change.cross_entropy_saved.high) == (0, 0)


def test_one_repetition_says_nothing() -> None:
    change = compare_repeats(records(0, [0.7]), records(7, [0.9]))
    assert change.accuracy_gained.estimate == pytest.approx(0.2)
    assert (change.accuracy_gained.low, change.accuracy_gained.high) == (-math.inf, math.inf)
    assert change.p_accuracy == 1


def test_configurations_without_a_common_repetition_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="no repetition in common"):
        compare_repeats([record(0, 1, 0.7)], [record(7, 2, 0.7)])


def test_each_trial_has_its_mean_over_the_repetitions() -> None:
    found = repeated([*records(7, [0.80, 0.82, 0.84]), *records(3, [1.0, 1.0])])
    assert list(found) == [7, 3]
    one = found[7]
    assert (one.number, one.repeats, one.new_split) == (7, 3, True)
    half = 4.302653 * math.sqrt((1 / 3 + 1 / 4) * 0.0004)
    assert (one.validation.estimate, one.validation.low) == pytest.approx((0.82, 0.82 - half), abs=1e-6)
    assert (one.gap.estimate, one.gap.high) == pytest.approx((0.17, 0.17 + half), abs=1e-6)
    assert one.cross_entropy.estimate == 0.5
    # Nobody is right more often than always.
    assert found[3].validation.high == 1.0
    assert found[3].validation.low < 1.0


def test_a_single_repetition_has_the_widest_bounds() -> None:
    one = repeated(records(7, [0.8]))[7]
    assert (one.validation.low, one.validation.high) == (0, 1)
    assert (one.gap.low, one.gap.high) == (-math.inf, math.inf)


# ---- does it cover the truth? --------------------------------------------------------------------------------------

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
Learner = Callable[[Floats, Labels, Floats], Labels]


def one_feature(x: Floats, y: Labels, new: Floats) -> Labels:
    """The nearest class mean, by the first feature."""
    return np.asarray(new[:, 0] > (x[y == 0, 0].mean() + x[y == 1, 0].mean()) / 2, dtype=np.int64)


def all_features(x: Floats, y: Labels, new: Floats) -> Labels:
    """The nearest class mean."""
    zero, one = x[y == 0].mean(axis=0), x[y == 1].mean(axis=0)
    return np.asarray((new - (zero + one) / 2) @ (one - zero) > 0, dtype=np.int64)


def draw(rng: np.random.Generator, images: int) -> tuple[Floats, Labels]:
    y = rng.integers(0, 2, images)
    x = rng.normal(0, 1, (images, 12))
    x[:, 0] += 1.2 * y
    return x, y


def cross_validated(learner: Learner, x: Floats, y: Labels, order: Labels, folds: int) -> float:
    right = 0
    for held in np.array_split(order, folds):
        kept = np.setdiff1d(order, held)
        right += int((learner(x[kept], y[kept], x[held]) == y[held]).sum())
    return right / len(y)


def test_repeated_cross_validation_covers_the_difference_of_expected_accuracies() -> None:
    rng = np.random.default_rng(0)
    images, folds, train = 200, 5, 160
    truth = []
    for _ in range(300):
        x, y = draw(rng, train)
        new, labels = draw(rng, 3000)
        truth.append((all_features(x, y, new) == labels).mean() - (one_feature(x, y, new) == labels).mean())
    covered, studies = 0, 150
    for _ in range(studies):
        x, y = draw(rng, images)
        both: dict[Learner, list[RepeatRecord]] = {one_feature: [], all_features: []}
        for repeat in range(5):
            order = rng.permutation(images)
            for number, (learner, found) in enumerate(both.items()):
                accuracy = cross_validated(learner, x, y, order, folds)
                sizes = {"train_images": train, "validation_images": images - train, "folds": folds}
                found.append(record(number, repeat, accuracy, **sizes))
        gained = compare_repeats(both[one_feature], both[all_features]).accuracy_gained
        covered += gained.low <= np.mean(truth) <= gained.high
    assert covered / studies >= 0.9
