"""Finalists trained again over seeds and splits: how far their numbers scatter, and what differs.

Repetitions share most of their training images, so their scatter is too small a measure of the error of their mean. The
corrected resampled t interval makes up for it: the variance of a mean of J repetitions is (1/J + tested/trained) times
the variance among them, with J − 1 degrees of freedom; `tested` and `trained` are the images that one repetition
evaluates on and that one training sees.

- A repetition by cross-validation tests the images of all its folds: with k folds tested/trained is k / (k − 1), and
  less where some images are trained on in every fold. Simulated (two classifiers, 200 to 1,000 images, 5 or 10 folds,
  5 repetitions), this covers the true difference of expected accuracies in 90 to 96 % of the cases; 1 / (k − 1), the
  ratio of a single fold, in 66 to 83 %.
- Where the split was not drawn anew, only seeds vary, and tested/trained is taken as 0. Such intervals speak of other
  seeds on the same images: the sampling error of the validation side is not in them.
- Accuracies move by whole images: a scatter below one tested image is taken for one image, or repetitions that happen
  to agree would look like proof.

Source: C. Nadeau and Y. Bengio, Inference for the generalization error, Machine Learning 52 (2003).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sweep.diagnosis.quantiles import student_quantile, student_tails
from sweep.diagnosis.validated import images_validated
from sweep.records import Interval, RepeatRecord

__all__ = ["RepeatComparison", "Repeated", "compare_repeats", "repeated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """A configuration over its repetitions; with a single one the bounds are as wide as can be.

    Attributes:
        number: the trial whose configuration it is.
        repeats: how many repetitions.
        new_split: whether each had a split of its own; otherwise only seeds vary.
        gap: clean train accuracy minus clean validation accuracy, a fraction.
        validation: clean validation accuracy.
        cross_entropy: clean validation cross-entropy, nats.
    """

    number: int
    repeats: int
    new_split: bool
    gap: Interval
    validation: Interval
    cross_entropy: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatComparison:
    """What changes from one configuration to another, repetition by repetition; positive is better for the second.

    Attributes:
        first, second: the trials.
        repeats: the repetitions that both have.
        new_split: whether each had a split of its own; otherwise the comparison speaks of other seeds only.
        gap_narrowed: gap of the first minus gap of the second, a fraction.
        accuracy_gained: validation accuracy of the second minus that of the first, a fraction.
        cross_entropy_saved: validation cross-entropy of the first minus that of the second, nats.
        p_gap, p_accuracy, p_cross_entropy: two-sided, of no difference; 1.0 for a single repetition.
    """

    first: int
    second: int
    repeats: int
    new_split: bool
    gap_narrowed: Interval
    accuracy_gained: Interval
    cross_entropy_saved: Interval
    p_gap: float
    p_accuracy: float
    p_cross_entropy: float


def repeated(
    records: Iterable[RepeatRecord], *, images: int | None = None, level: float = 0.95
) -> Mapping[int, Repeated]:
    """Every trial's numbers over its repetitions, in the order in which trials first appear.

    Args:
        records: in any order.
        images: how many images the study validates; see `images_validated`.
        level: of the intervals.
    """
    by_trial: dict[int, list[RepeatRecord]] = {}
    for record in records:
        by_trial.setdefault(record.number, []).append(record)
    return {number: _over_repeats(number, found, images, level) for number, found in by_trial.items()}


def compare_repeats(
    records_a: Iterable[RepeatRecord],
    records_b: Iterable[RepeatRecord],
    *,
    images: int | None = None,
    level: float = 0.95,
) -> RepeatComparison:
    """Set one configuration's repetitions against another's of the same numbers.

    Args:
        records_a: of the first configuration.
        records_b: of the second one.
        images: how many images the study validates; see `images_validated`.
        level: of the intervals.

    Raises:
        ValueError: they have no repetition in common.
    """
    first, second = ({record.repeat: record for record in records} for records in (records_a, records_b))
    pairs = [(first[repeat], second[repeat]) for repeat in sorted(first.keys() & second.keys())]
    if not pairs:
        raise ValueError("the two configurations have no repetition in common")
    both = [record for pair in pairs for record in pair]
    ratio, image = _tested_share(both, images), _one_image(both, images)
    gap, p_gap = _corrected([a.gap_accuracy - b.gap_accuracy for a, b in pairs], ratio, image, level)
    gained, p_accuracy = _corrected(
        [b.validation_accuracy - a.validation_accuracy for a, b in pairs], ratio, image, level
    )
    saved, p_saved = _corrected(
        [a.validation_cross_entropy - b.validation_cross_entropy for a, b in pairs], ratio, 0.0, level
    )
    return RepeatComparison(
        first=pairs[0][0].number,
        second=pairs[0][1].number,
        repeats=len(pairs),
        new_split=_new_split(both),
        gap_narrowed=gap,
        accuracy_gained=gained,
        cross_entropy_saved=saved,
        p_gap=p_gap,
        p_accuracy=p_accuracy,
        p_cross_entropy=p_saved,
    )


def _over_repeats(number: int, records: Sequence[RepeatRecord], images: int | None, level: float) -> Repeated:
    ratio, image = _tested_share(records, images), _one_image(records, images)
    share, _ = _corrected([record.validation_accuracy for record in records], ratio, image, level)
    return Repeated(
        number=number,
        repeats=len(records),
        new_split=_new_split(records),
        gap=_corrected([record.gap_accuracy for record in records], ratio, image, level)[0],
        validation=replace(share, low=max(0.0, share.low), high=min(1.0, share.high)),
        cross_entropy=_corrected([record.validation_cross_entropy for record in records], ratio, 0.0, level)[0],
    )


def _corrected(values: Sequence[float], ratio: float, least: float, level: float) -> tuple[Interval, float]:
    """The mean with its interval, and the two-sided p that it is 0; `least` is the smallest scatter believed."""
    mean, count = float(np.mean(values)), len(values)
    if count < 2:
        return Interval(estimate=mean, low=-math.inf, high=math.inf, level=level), 1.0
    error = math.sqrt(1 / count + ratio) * max(least, float(np.std(values, ddof=1)))
    half = student_quantile(level, count) * error
    interval = Interval(estimate=mean, low=mean - half, high=mean + half, level=level)
    if mean == 0:
        return interval, 1.0
    return interval, student_tails(mean / error if error else math.inf, count)


def _tested_share(records: Sequence[RepeatRecord], images: int | None) -> float:
    """Tested by trained images; 0 where only seeds vary."""
    if not _new_split(records):
        return 0.0
    return float(np.mean([_tested(record, images) / record.train_images for record in records]))


def _tested(record: RepeatRecord, images: int | None) -> int:
    return images_validated(record.validation_images, record.folds, images)


def _one_image(records: Sequence[RepeatRecord], images: int | None) -> float:
    return 1 / min(_tested(record, images) for record in records)


def _new_split(records: Iterable[RepeatRecord]) -> bool:
    return all(record.new_split for record in records)
