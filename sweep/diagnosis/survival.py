"""Which differences between finalists survive their repetitions, judged together, and the sentence that says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from sweep.diagnosis.repeats import RepeatComparison, compare_repeats
from sweep.diagnosis.statistics import holm
from sweep.diagnosis.wording import numbered, size
from sweep.records import RepeatRecord

__all__ = ["Survival", "Surviving", "survival_sentence", "surviving"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surviving:
    """A comparison among several: its p values adjusted by Holm for all comparisons of the same kind.

    Attributes:
        p_gap, p_accuracy: adjusted; the comparison's own are not.
        gap_shown, accuracy_shown: whether they lie below the complement of the level.
    """

    comparison: RepeatComparison
    p_gap: float
    p_accuracy: float
    gap_shown: bool
    accuracy_shown: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Survival:
    """Which differences the repetitions show.

    Attributes:
        reference: the trial that all others are compared with.
        against: from the reference to each other trial, in the order given.
        among: from each other trial to each later one, adjusted apart from the former.
    """

    reference: int
    against: tuple[Surviving, ...]
    among: tuple[Surviving, ...]


def surviving(
    records_by_trial: Mapping[int, Sequence[RepeatRecord]],
    reference: int,
    *,
    images: int | None = None,
    level: float = 0.95,
) -> Survival:
    """Compare every trial with the reference and the others among themselves, where two have a repetition in common.

    Args:
        records_by_trial: trial number -> its repetitions.
        reference: the trial that all others are compared with.
        images: how many images the study validates; see `images_validated`.
        level: of the intervals, and 1 minus the error rate of the claims.

    Raises:
        ValueError: the reference has no repetition.
    """
    if not records_by_trial.get(reference):
        raise ValueError(f"trial {reference} has no repetition to compare with")
    others = [number for number, found in records_by_trial.items() if number != reference and found]
    against = [(reference, other) for other in others]
    return Survival(
        reference=reference,
        against=_adjusted(records_by_trial, against, images, level),
        among=_adjusted(records_by_trial, list(combinations(others, 2)), images, level),
    )


def survival_sentence(survival: Survival, reference_name: str) -> str:
    """What the repetitions show and what they do not: intervals are those of one comparison, claims are Holm's.

    Args:
        survival: of the finalists.
        reference_name: the reference in words, such as "your configuration".
    """
    if not survival.against:
        return ""
    if max(one.comparison.repeats for one in survival.against) < 2:
        return "One repetition shows no scatter, so it shows no difference between trials either."
    clauses = [_claim(one, reference_name) for one in survival.against if _shown(one)]
    unclear = [one.comparison.second for one in survival.against if not _shown(one)]
    if unclear:
        clauses.append(f"for {numbered(unclear)} no difference from {reference_name} is shown, in gap or in accuracy")
    return f"{_basis(survival)} {'; '.join([*clauses, *_order_among(survival)])}."


def _basis(survival: Survival) -> str:
    counts = sorted({one.comparison.repeats for one in survival.against})
    number = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    if all(one.comparison.new_split for one in survival.against):
        return f"Over {number} repetitions on new splits"
    return f"Over {number} repetitions with new seeds on the same validation images, which say nothing of other images,"


def _order_among(survival: Survival) -> list[str]:
    if not survival.among:
        return []
    shown = [one for one in survival.among if _shown(one)]
    others = [one.comparison.second for one in survival.against]
    if not shown:
        return [f"the order of {numbered(others)} among themselves is not shown"]
    claims = [_claim(one, numbered([one.comparison.first])) for one in shown]
    return [*claims, *(["nothing else is shown among them"] if len(shown) < len(survival.among) else [])]


def _claim(one: Surviving, other: str) -> str:
    """What is shown of the second trial: "trial 7 has a smaller gap than trial 3 (4.1 points [1.0, 7.2]), while …"."""
    subject = numbered([one.comparison.second])
    gap, accuracy = one.comparison.gap_narrowed, one.comparison.accuracy_gained
    gap_words = f"{'smaller' if gap.estimate > 0 else 'larger'} gap"
    accuracy_words = f"{'higher' if accuracy.estimate > 0 else 'lower'} validation accuracy"
    if one.gap_shown and one.accuracy_shown:
        return f"{subject} has a {gap_words} ({size(gap)}) and a {accuracy_words} ({size(accuracy)}) than {other}"
    if one.gap_shown:
        return (
            f"{subject} has a {gap_words} than {other} ({size(gap)}), while their validation accuracies are not shown "
            "to differ"
        )
    return f"{subject} has a {accuracy_words} than {other} ({size(accuracy)}), while their gaps are not shown to differ"


def _shown(one: Surviving) -> bool:
    return one.gap_shown or one.accuracy_shown


def _adjusted(
    records: Mapping[int, Sequence[RepeatRecord]], pairs: Sequence[tuple[int, int]], images: int | None, level: float
) -> tuple[Surviving, ...]:
    comparisons = [
        compare_repeats(records[first], records[second], images=images, level=level)
        for first, second in pairs
        if {one.repeat for one in records[first]} & {one.repeat for one in records[second]}
    ]
    gaps, accuracies = holm([one.p_gap for one in comparisons]), holm([one.p_accuracy for one in comparisons])
    return tuple(
        Surviving(
            comparison=one,
            p_gap=gap,
            p_accuracy=accuracy,
            gap_shown=gap < 1 - level,
            accuracy_shown=accuracy < 1 - level,
        )
        for one, gap, accuracy in zip(comparisons, gaps, accuracies, strict=True)
    )
