"""Two trials side by side: on the same validation images where predictions are stored, by their intervals elsewhere."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from sweep.diagnosis.statistics import (
    cross_entropy_gap_interval,
    effective_counts,
    gap_difference,
    gap_interval,
    mcnemar_exact,
    mean_above_zero,
    paired_accuracy_difference,
    paired_difference,
    unpaired_difference,
    wilson,
)
from sweep.diagnosis.validated import images_validated
from sweep.records import IndexArray, Interval, Measurement, PredictionRecord, TrialRecord

__all__ = [
    "Change",
    "Comparison",
    "Evidence",
    "changes_from",
    "compare",
    "evidence_of",
    "group_codes",
    "same_gap",
    "worse_than",
]

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """What a trial's kept weights do on the validation side.

    Where folds are drawn anew every image is predicted once in each repetition: there n_predictions is a multiple of
    the number of images, and `groups` holds the predictions of one image together. Else it is their number.

    Attributes:
        validation: clean validation accuracy.
        images: how many independent images `validation` is worth: with groups, divided by their design effect.
        gap: clean train accuracy minus the former.
        gap_cross_entropy: validation minus train, nats.
        correct: bool, shape (n_predictions,), or None where predictions are not stored.
        cross_entropy: nats, shape (n_predictions,), or None.
        groups: int64, the source of every prediction, or None where all are independent.
    """

    trial: TrialRecord
    measurement: Measurement
    validation: Interval
    images: float
    gap: Interval
    gap_cross_entropy: Interval
    correct: NDArray[np.bool_] | None
    cross_entropy: NDArray[np.float64] | None
    groups: IndexArray | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What changes from one trial to another; positive is better for the second.

    Attributes:
        first, second: their numbers.
        gap_narrowed: gap of the first minus gap of the second, a fraction.
        accuracy_gained: validation accuracy of the second minus that of the first, a fraction.
        cross_entropy_saved: validation cross-entropy of the first minus that of the second, nats.
        paired: whether the same images were compared, or only the two trials' own intervals.
    """

    first: int
    second: int
    gap_narrowed: Interval
    accuracy_gained: Interval
    cross_entropy_saved: Interval
    paired: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one trial's fields did against the baseline, fractions; positive is better than it.

    Attributes:
        gap_narrowed: gap of the baseline minus its own.
        accuracy_gained: its own validation accuracy minus that of the baseline.
    """

    gap_narrowed: Interval
    accuracy_gained: Interval


def evidence_of(
    trial: TrialRecord,
    measurement: Measurement,
    prediction: PredictionRecord | None,
    *,
    labels: IndexArray | None,
    groups: IndexArray | None = None,
    images: int | None = None,
    level: float = 0.95,
) -> Evidence:
    """Collect a trial's evidence; predictions that do not cover every label count as not stored.

    Cross-entropies beyond float16's largest value (65,504 nats) were stored as infinite and are taken for that value.

    Args:
        trial: whose evidence.
        measurement: its own.
        prediction: of the validation side at the selected epoch, or None.
        labels: of the same side; without them predictions are of no use.
        groups: source of every prediction, as numbers (`group_codes`).
        images: how many different images are on the validation side: in cross-validation no trial without predictions
            is taken to have seen more.
        level: of the intervals.
    """
    correct = cross_entropy = None
    seen = images_validated(measurement.validation_images, measurement.folds, images)
    counts: tuple[float, float] = (round(measurement.validation_accuracy * seen), seen)
    if prediction is not None and labels is not None and len(prediction.predicted) == len(labels):
        correct = prediction.predicted == labels
        largest = float(np.finfo(np.float16).max)
        cross_entropy = np.minimum(prediction.cross_entropy.astype(np.float64), largest)
        counts = effective_counts(correct, groups)
    return Evidence(
        trial=trial,
        measurement=measurement,
        validation=wilson(*counts, level=level),
        images=counts[1],
        gap=gap_interval(measurement.train_accuracy, *counts, level=level),
        gap_cross_entropy=_cross_entropy_gap(measurement, cross_entropy, groups, level),
        correct=correct,
        cross_entropy=cross_entropy,
        groups=groups if correct is not None else None,
    )


def group_codes(groups: Sequence[str] | None) -> IndexArray | None:
    """Sources as numbers, or None where every image is a source of its own."""
    if not groups or len(set(groups)) == len(groups):
        return None
    return np.unique(np.asarray(groups), return_inverse=True)[1].astype(np.int64)


def compare(first: Evidence, second: Evidence, *, level: float = 0.95, seed: int = 0) -> Comparison:
    """Set a second trial against a first one; `seed` is that of the bootstrap of their cross-entropies."""
    a, b = first, second
    accuracy = _accuracy_difference(b, a, level)
    if a.cross_entropy is not None and b.cross_entropy is not None:
        entropy = [seed, a.trial.number, b.trial.number]
        saved = paired_difference(a.cross_entropy, b.cross_entropy, groups=a.groups, seed=entropy, level=level)
    else:
        saved = unpaired_difference(_cross_entropy(a.measurement, level), _cross_entropy(b.measurement, level))
    return Comparison(
        first=a.trial.number,
        second=b.trial.number,
        gap_narrowed=_negative(gap_difference(b.measurement.train_accuracy, a.measurement.train_accuracy, accuracy)),
        accuracy_gained=accuracy,
        cross_entropy_saved=saved,
        paired=_paired(a, b),
    )


def changes_from(baseline: Evidence, others: Iterable[Evidence], *, level: float = 0.95) -> dict[int, Change]:
    """By trial number what each did against the baseline; each interval stands for itself, uncorrected for the others.

    The accuracies are compared image by image where predictions are stored.
    """
    found = {}
    for other in others:
        gained = _accuracy_difference(other, baseline, level)
        wider = gap_difference(other.measurement.train_accuracy, baseline.measurement.train_accuracy, gained)
        found[other.trial.number] = Change(gap_narrowed=_negative(wider), accuracy_gained=gained)
    return found


def same_gap(first: Evidence, others: Iterable[Evidence], *, level: float = 0.95) -> Mapping[int, bool]:
    """Whether each other trial's gap cannot be told from the first one's, all of them judged at once (Bonferroni)."""
    rivals = list(others)
    strict = 1 - (1 - level) / max(1, len(rivals))
    same = {}
    for rival in rivals:
        accuracy = _accuracy_difference(rival, first, strict)
        gap = gap_difference(rival.measurement.train_accuracy, first.measurement.train_accuracy, accuracy)
        same[rival.trial.number] = gap.low <= 0 <= gap.high
    return same


def worse_than(trial: Evidence, leader: Evidence) -> tuple[float, str]:
    """One-sided p that a trial is worse than the leader in accuracy or in cross-entropy, and in which of the two.

    Two questions are asked of the same images, so the smaller p counts twice (Bonferroni). Accuracy is judged by the
    exact McNemar test. Cross-entropy is judged by a t test of the paired differences rather than a bootstrap: its p has
    no floor of 1 / draws, which Holm's correction over hundreds of trials would run into. With groups both are t tests
    over sources, since McNemar's takes images for independent. Without predictions the trials' own intervals decide.
    """
    if trial.correct is None or leader.correct is None or trial.cross_entropy is None or leader.cross_entropy is None:
        accuracy, cross_entropy = _unpaired_p(trial, leader)
    else:
        cross_entropy = mean_above_zero(trial.cross_entropy - leader.cross_entropy, trial.groups)
        if trial.groups is None:
            accuracy = mcnemar_exact(trial.correct, leader.correct, alternative="less")
        else:
            accuracy = mean_above_zero(leader.correct.astype(float) - trial.correct, trial.groups)
    measure = "accuracy" if accuracy < cross_entropy else "cross-entropy"
    return min(1.0, 2 * min(accuracy, cross_entropy)), measure


def _unpaired_p(trial: Evidence, leader: Evidence) -> tuple[float, float]:
    lost = unpaired_difference(leader.validation, trial.validation)
    more = unpaired_difference(
        _cross_entropy(trial.measurement, lost.level), _cross_entropy(leader.measurement, lost.level)
    )
    return _p_above_zero(lost), _p_above_zero(more)


def _p_above_zero(difference: Interval) -> float:
    """The p whose one-sided test agrees with the interval's lower bound, taken for normal."""
    half = difference.estimate - difference.low
    if half == 0 or difference.estimate <= 0:
        return 1.0
    z = difference.estimate / half * _NORMAL.inv_cdf((1 + difference.level) / 2)
    return 1 - _NORMAL.cdf(z)


def _accuracy_difference(a: Evidence, b: Evidence, level: float) -> Interval:
    if a.correct is not None and b.correct is not None:
        return paired_accuracy_difference(a.correct, b.correct, groups=a.groups, level=level)
    wide = [wilson(one.validation.estimate * one.images, one.images, level=level) for one in (a, b)]
    return unpaired_difference(*wide)


def _paired(a: Evidence, b: Evidence) -> bool:
    return a.correct is not None and b.correct is not None


def _cross_entropy(measurement: Measurement, level: float) -> Interval:
    estimate, error = measurement.validation_cross_entropy, measurement.validation_cross_entropy_error
    half = _NORMAL.inv_cdf((1 + level) / 2) * (error if math.isfinite(error) else math.inf)
    return Interval(estimate=estimate, low=estimate - half, high=estimate + half, level=level)


def _cross_entropy_gap(
    measurement: Measurement,
    cross_entropy: NDArray[np.float64] | None,
    groups: IndexArray | None,
    level: float,
) -> Interval:
    if cross_entropy is not None:
        return cross_entropy_gap_interval(measurement.train_cross_entropy, cross_entropy, groups=groups, level=level)
    validation, train = _cross_entropy(measurement, level), measurement.train_cross_entropy
    return Interval(
        estimate=validation.estimate - train, low=validation.low - train, high=validation.high - train, level=level
    )


def _negative(interval: Interval) -> Interval:
    return Interval(estimate=-interval.estimate, low=-interval.high, high=-interval.low, level=interval.level)
