"""The sealed test side, opened once for a few configurations: their scores, and who is better, judged together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sweep.diagnosis.statistics import (
    effective_counts,
    holm,
    mcnemar_exact,
    mean_above_zero,
    paired_accuracy_difference,
    paired_difference,
    wilson,
)
from sweep.diagnosis.wording import bounds, numbered, p_text, percent, size
from sweep.records import HoldoutRecord, HoldoutResult, Interval

__all__ = ["SealedComparison", "SealedResult", "SealedScore", "judge_sealed", "sealed_sentence"]

Groups = Sequence[Any] | NDArray[Any]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedScore:
    """One configuration on the test side.

    Attributes:
        accuracy: with Wilson's interval, over sources where images are grouped.
        cross_entropy: mean, nats.
        predicted: bounds between which the accuracy was expected; None where nothing was predicted.
    """

    number: int
    rank: int
    baseline: bool
    accuracy: Interval
    balanced_accuracy: float
    cross_entropy: float
    predicted: tuple[float, float] | None

    @property
    def place(self) -> Literal["", "below", "inside", "above"]:
        """Where the accuracy lies in the prediction; "" where there is none."""
        if self.predicted is None:
            return ""
        low, high = self.predicted
        return "below" if self.accuracy.estimate < low else "above" if self.accuracy.estimate > high else "inside"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedComparison:
    """From the reference to another configuration, on the same test images.

    Attributes:
        first, second: the trials.
        accuracy_gained: accuracy of the second minus that of the first, a fraction; the interval is that of one
            comparison.
        p: two-sided, of no difference.
        p_adjusted: by Holm for all comparisons.
        shown: whether the latter lies below the complement of the level.
    """

    first: int
    second: int
    accuracy_gained: Interval
    p: float
    p_adjusted: float
    shown: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedResult:
    """What one opening of the test side shows.

    Attributes:
        test_images: how many images were looked at.
        seen_before: how many of them were so before.
        reference: the baseline where it was opened, else the first of the ranking.
        scores: in the order of the record.
        comparisons: from the reference to each of the others.
    """

    test_images: int
    seen_before: int
    reference: int
    scores: tuple[SealedScore, ...]
    comparisons: tuple[SealedComparison, ...]


def judge_sealed(record: HoldoutRecord, *, groups: Groups | None = None, level: float = 0.95) -> SealedResult:
    """Score every opened configuration and compare it with the reference.

    Differences are judged by the exact McNemar test; with groups, which it would take for independent, and with folds,
    where shares of the models are right, by a t test of the differences over sources or images. Wilson's interval of
    such shares is too wide rather than too narrow: they scatter less than single answers.

    Args:
        record: one opening.
        groups: source of every test image, where they are grouped.
        level: of the intervals; tests use its complement.

    Raises:
        ValueError: nothing was opened.
    """
    if not record.results:
        raise ValueError("the opening holds no configuration")
    right = {result.number: result.share_right.astype(np.float64) for result in record.results}
    reference = min(record.results, key=lambda result: (not result.baseline, result.rank)).number
    others = [number for number in right if number != reference]
    p_values = [_p_different(right[number], right[reference], groups) for number in others]
    return SealedResult(
        test_images=record.test_images,
        seen_before=record.seen_before,
        reference=reference,
        scores=tuple(_score(result, right[result.number], groups, level) for result in record.results),
        comparisons=tuple(
            SealedComparison(
                first=reference,
                second=number,
                accuracy_gained=_gained(right[number], right[reference], groups, level),
                p=p,
                p_adjusted=adjusted,
                shown=adjusted < 1 - level,
            )
            for number, p, adjusted in zip(others, p_values, holm(p_values), strict=True)
        ),
    )


def sealed_sentence(result: SealedResult, baseline_name: str) -> str:
    """What the opening shows, in one sentence: the first of the ranking, then the differences from the reference.

    Args:
        result: of one opening.
        baseline_name: the baseline in words, such as "your configuration".
    """
    names = {one.number: baseline_name if one.baseline else f"trial {one.number}" for one in result.scores}
    first = min(result.scores, key=lambda one: one.rank)
    seen = f", {result.seen_before:,} of which were opened before," if result.seen_before else ""
    score = f"{percent(first.accuracy.estimate)} {bounds(first.accuracy.low, first.accuracy.high)}{_prediction(first)}"
    clauses = [f"On {result.test_images:,} sealed test images{seen} {names[first.number]} scores {score}"]
    reference = names[result.reference]
    for one in result.comparisons:
        if one.shown:
            more = "more" if one.accuracy_gained.estimate > 0 else "less"
            clauses.append(
                f"{names[one.second]} scores {size(one.accuracy_gained)} {more} than {reference} "
                f"({p_text(one.p_adjusted)})"
            )
    unclear = [one.second for one in result.comparisons if not one.shown]
    if unclear:
        clauses.append(f"for {numbered(unclear)} no difference from {reference} is shown")
    return "; ".join(clauses) + "."


def _prediction(score: SealedScore) -> str:
    if score.predicted is None:
        return ""
    return f", {score.place} the predicted {bounds(*score.predicted)}"


def _single(*shares: FloatArray) -> bool:
    """Whether every share is that of a single model."""
    return all(bool(np.isin(share, (0.0, 1.0)).all()) for share in shares)


def _gained(right: FloatArray, other: FloatArray, groups: Groups | None, level: float) -> Interval:
    if _single(right, other):
        return paired_accuracy_difference(right, other, groups=groups, level=level)
    return paired_difference(right, other, groups=groups, seed=0, level=level)


def _p_different(right: FloatArray, other: FloatArray, groups: Groups | None) -> float:
    if groups is None and _single(right, other):
        return mcnemar_exact(right, other)
    difference = right - other
    return min(1.0, 2 * min(mean_above_zero(difference, groups), mean_above_zero(-difference, groups)))


def _score(result: HoldoutResult, right: FloatArray, groups: Groups | None, level: float) -> SealedScore:
    accuracy = wilson(*effective_counts(right, groups), level=level)
    low, high = result.predicted_low, result.predicted_high
    known = math.isfinite(low) and math.isfinite(high)
    return SealedScore(
        number=result.number,
        rank=result.rank,
        baseline=result.baseline,
        accuracy=accuracy,
        balanced_accuracy=result.balanced_accuracy,
        cross_entropy=result.cross_entropy,
        predicted=(low, high) if known else None,
    )
