"""Two trials against each other: which is better on validation, whether that is shown, and in which classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sweep.diagnosis.comparison import Comparison, Evidence, compare, worse_than
from sweep.diagnosis.statistics import (
    effective_counts,
    holm,
    mcnemar_exact,
    mean_above_zero,
    paired_accuracy_difference,
    unpaired_difference,
    wilson,
)
from sweep.records import IndexArray, Interval

__all__ = ["Answers", "Recall", "SideBySide", "class_recalls", "set_side_by_side"]

Better = Literal["first", "second", "neither", "mixed"]

_LEVEL = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """How many predictions of the same images both, one or none of two trials got right."""

    both: int
    only_first: int
    only_second: int
    none: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SideBySide:
    """What two trials show against each other.

    Attributes:
        comparison: from the first to the second; positive is better for the second.
        p_accuracy: two-sided, that both are equally often right: McNemar's exact test, or with groups a t test over
            sources; None where not the same images were compared.
        p_cross_entropy: two-sided t test of the paired differences; None likewise.
        p_first_worse, p_second_worse: that this trial is worse on validation, in accuracy or in cross-entropy, as the
            ranking tests it (`worse_than`), and twice that, since either of the two may be the worse one.
        measures: what each of these two p values is about, "accuracy" or "cross-entropy".
        answers: None where not the same images were compared.
    """

    comparison: Comparison
    p_accuracy: float | None
    p_cross_entropy: float | None
    p_first_worse: float
    p_second_worse: float
    measures: tuple[str, str]
    answers: Answers | None

    @property
    def better(self) -> Better:
        """The one that is shown to be better on validation; "mixed" where each is shown better in one measure."""
        limit = 1 - self.comparison.accuracy_gained.level
        first, second = self.p_second_worse < limit, self.p_first_worse < limit
        if first and second:
            return "mixed"
        return "first" if first else "second" if second else "neither"

    @property
    def smaller_gap(self) -> Literal["first", "second", "neither"]:
        """The one whose gap in accuracy is shown to be the smaller one: the interval of the difference leaves out 0."""
        narrowed = self.comparison.gap_narrowed
        return "second" if narrowed.low > 0 else "first" if narrowed.high < 0 else "neither"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """How much of one class two trials recognise, fractions.

    Attributes:
        images: predictions of the class's images by the first and by the second trial.
        gained: second minus first.
        p: that nothing has changed, adjusted for the number of classes (Holm); None where images differ.
    """

    label: int
    images: tuple[int, int]
    first: Interval
    second: Interval
    gained: Interval
    p: float | None


def set_side_by_side(first: Evidence, second: Evidence, *, seed: int = 0, level: float = _LEVEL) -> SideBySide:
    """Compare two trials; on the same images where both have their predictions, which are then in the same order.

    Args:
        first: of the one trial.
        second: of the other one; its groups are those of the first.
        seed: of the bootstrap of cross-entropies.
        level: of the intervals; tests use its complement.
    """
    comparison = compare(first, second, level=level, seed=seed)
    worse = [worse_than(first, second), worse_than(second, first)]
    p_accuracy = p_cross_entropy = answers = None
    if first.correct is not None and second.correct is not None:
        p_accuracy = _p_accuracy(first.correct, second.correct, first.groups)
        answers = _answers(first.correct, second.correct)
    if first.cross_entropy is not None and second.cross_entropy is not None:
        p_cross_entropy = _two_sided(second.cross_entropy - first.cross_entropy, first.groups)
    return SideBySide(
        comparison=comparison,
        p_accuracy=p_accuracy,
        p_cross_entropy=p_cross_entropy,
        p_first_worse=min(1.0, 2 * worse[0][0]),
        p_second_worse=min(1.0, 2 * worse[1][0]),
        measures=(worse[0][1], worse[1][1]),
        answers=answers,
    )


def class_recalls(
    first: Evidence, second: Evidence, *, labels: tuple[IndexArray, IndexArray], level: float = _LEVEL
) -> tuple[Recall, ...]:
    """The recall of every class that both have images of, in the order of the labels.

    Args:
        first: of the one trial.
        second: of the other one.
        labels: of the predictions of each, with the same number for the same class. Where both are the same array the
            trials are compared image by image.
        level: of the intervals.

    Returns:
        Nothing where predictions of one of them are not stored.
    """
    a, b = first.correct, second.correct
    if a is None or b is None:
        return ()
    paired = labels[0] is labels[1]
    found, p_values = [], []
    for label in np.intersect1d(*labels):
        mine, theirs = labels[0] == label, labels[1] == label
        one, other = (_recall(*pair, level) for pair in ((a, mine, first.groups), (b, theirs, second.groups)))
        groups = None if first.groups is None else first.groups[mine]
        gained = unpaired_difference(other, one)
        if paired:
            gained = paired_accuracy_difference(b[mine], a[mine], groups=groups, level=level)
            p_values.append(_p_accuracy(a[mine], b[mine], groups))
        found.append((int(label), (int(mine.sum()), int(theirs.sum())), one, other, gained))
    adjusted: Sequence[float | None] = holm(p_values) if paired and p_values else [None] * len(found)
    return tuple(
        Recall(label=label, images=images, first=one, second=other, gained=gained, p=p)
        for (label, images, one, other, gained), p in zip(found, adjusted, strict=True)
    )


def _recall(
    correct: NDArray[np.bool_], members: NDArray[np.bool_], groups: IndexArray | None, level: float
) -> Interval:
    return wilson(*effective_counts(correct[members], None if groups is None else groups[members]), level=level)


def _p_accuracy(first: NDArray[np.bool_], second: NDArray[np.bool_], groups: IndexArray | None) -> float:
    """McNemar's test takes images for independent; with groups whole sources are compared."""
    if groups is None:
        return mcnemar_exact(first, second)
    return _two_sided(second.astype(np.float64) - first, groups)


def _two_sided(differences: NDArray[np.float64], groups: IndexArray | None) -> float:
    return min(1.0, 2 * min(mean_above_zero(differences, groups), mean_above_zero(-differences, groups)))


def _answers(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Answers:
    return Answers(
        both=int(np.sum(first & second)),
        only_first=int(np.sum(first & ~second)),
        only_second=int(np.sum(~first & second)),
        none=int(np.sum(~first & ~second)),
    )
