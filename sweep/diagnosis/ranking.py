"""The ranking in tiers: first who may be the best at all, then whose gap is smallest among those.

Why not by the raw gap: a model that has learnt nothing has no gap, and would win. Why not by validation alone: the best
of many trials on a few hundred images is partly luck, and the leader's neighbours are often just as good.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sweep.diagnosis.balanced import balanced_accuracy, classes_unequal
from sweep.diagnosis.choice import Choice, choice_among, correct_choice
from sweep.diagnosis.comparison import (
    Change,
    Comparison,
    Evidence,
    changes_from,
    compare,
    evidence_of,
    group_codes,
    same_gap,
)
from sweep.diagnosis.limits import limits
from sweep.diagnosis.optimism import Optimism
from sweep.diagnosis.pareto import pareto_front
from sweep.diagnosis.tiers import BaseRate, Placed, Tier, place
from sweep.records import IndexArray, Interval, Measurement, PredictionRecord, TrialRecord

__all__ = ["SORT_NOTES", "RankedTrial", "Ranking", "Sort", "rank", "sorted_rows"]

Sort = Literal["tier", "gap", "validation"]

SORT_NOTES: Mapping[Sort, str] = {
    "tier": "",
    "gap": "Sorted by the raw gap, which misleads: a model that has learnt nothing has no gap either. "
    "The rank still tells which configuration to use.",
    "validation": "Sorted by validation accuracy alone, which misleads: neighbours differ by less than their "
    "intervals, and the best of many trials is partly luck. The rank still tells which configuration to use.",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RankedTrial:
    """One row of the ranking.

    Attributes:
        rank: from 1.
        tied: in tier 1: its gap cannot be told from rank 1's (rank 1 itself included, where another one ties with it).
        reason: why it stands in its tier.
        p_worse: Holm-adjusted p of being worse than the leader; None for the leader and for trials not compared.
        validation: clean validation accuracy.
        balanced: mean of the classes' own validation accuracies; None where classes are about equally large, and where
            predictions are not stored.
        gap: clean train accuracy minus clean validation accuracy, a fraction.
        gap_cross_entropy: nats.
        pareto: eligible, and no eligible trial has both a lower validation cross-entropy and a smaller gap in it.
        chosen: share of the resampled validation sides on which this trial would be rank 1; None where unknown.
        duplicates: trials of the same configuration, which share this row.
    """

    rank: int
    tier: Tier
    tied: bool
    reason: str
    p_worse: float | None
    baseline: bool
    leader: bool
    trial: TrialRecord
    measurement: Measurement
    validation: Interval
    balanced: Interval | None
    gap: Interval
    gap_cross_entropy: Interval
    pareto: bool
    chosen: float | None
    duplicates: tuple[int, ...]

    @property
    def number(self) -> int:
        """The trial's number."""
        return self.trial.number

    @property
    def train_balanced(self) -> float | None:
        """Clean train balanced accuracy beside `balanced`; None where that is, and in trials that did not record it."""
        value = self.measurement.train_balanced_accuracy
        return None if self.balanced is None or math.isnan(value) else value


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ranking:
    """Every measured trial in the order in which to prefer it.

    Attributes:
        rows: by tier and rank; duplicates and trials without a measurement are left out.
        leader: number of the eligible trial of highest J, or None where no trial is eligible.
        base_rate: what eligible trials must be shown to beat.
        comparison: from the baseline to rank 1; None where one of them is missing or both are the same.
        changes: by trial number what each other row did against the baseline; empty without one.
        choice: among which trials rank 1 was chosen, and how; None where rank 1 is not eligible or its predictions are
            not stored.
        optimism: rank 1's validation accuracy, corrected for having been chosen on these images; None likewise.
        optimism_of: the number of the trial that `optimism` is about.
        notes: sentences on what limits the ranking.
    """

    rows: tuple[RankedTrial, ...]
    leader: int | None
    base_rate: BaseRate
    comparison: Comparison | None
    changes: Mapping[int, Change]
    choice: Choice | None
    optimism: Optimism | None
    optimism_of: int | None
    notes: tuple[str, ...]

    @property
    def best(self) -> RankedTrial | None:
        """Rank 1, or None where nothing was measured."""
        return self.rows[0] if self.rows else None

    @property
    def baseline(self) -> RankedTrial | None:
        """The baseline's row, or None where it has no measurement."""
        return next((row for row in self.rows if row.baseline), None)


def rank(
    trials: Iterable[TrialRecord],
    predictions: Mapping[int, PredictionRecord],
    *,
    class_counts: Sequence[int],
    labels: IndexArray | None = None,
    groups: Sequence[str] | None = None,
    gap_weight: float = 0.25,
    level: float = 0.95,
    seed: int = 0,
) -> Ranking:
    """Rank trials by what their stored predictions of the same validation images can prove.

    1. Eligible is who beats the base rate: the lower bound of validation accuracy lies above the share of the most
       frequent class, and validation cross-entropy below the entropy of the class frequencies.
    2. The leader is the eligible complete trial of highest J. Tier 1 are those not significantly worse than the leader
       (`worse_than`, Holm over all comparisons), the upper bound of the gap deciding, then fewer trainable parameters,
       then time. Tier 2 are the other eligible ones by J, tier 3 the rest by J.
    3. Pruned trials come last, by validation cross-entropy: they were measured earlier in their training.
    4. All that is repeated on resampled validation images, to correct rank 1's score for the luck of the choice.

    Args:
        trials: of one study, in any state.
        predictions: trial number -> its predictions of the validation side at the selected epoch, as far as stored.
        class_counts: number of validation images of each class.
        labels: int64, of the validation images in the order of the predictions; without them no test is paired. Where
            folds are drawn anew the images are repeated, as the predictions are.
        groups: source of each label's image, where the split is grouped; where images are repeated without sources,
            what is the same for all predictions of one image.
        gap_weight: λ of J, 0 where the study's objective is validation alone.
        level: of the intervals; tests use its complement.
        seed: of the bootstraps: the comparison with the baseline, and the correction of rank 1's score.
    """
    everything = tuple(trials)
    codes = group_codes(groups) if labels is not None else None
    images = sum(class_counts)
    evidence = [
        evidence_of(
            one, one.measurement, predictions.get(one.number), labels=labels, groups=codes, images=images, level=level
        )
        for one in everything
        if one.duplicate_of is None and one.measurement is not None and _finite(one.measurement)
    ]
    base_rate = BaseRate.of(class_counts)
    placed, leader = place(evidence, base_rate, level)
    choice = choice_among(placed, base_rate, gap_weight=gap_weight, level=level)
    optimism, chosen = correct_choice(choice, level=level, seed=seed)
    rows = _rows(
        placed,
        ties=_ties(placed, level),
        leader=leader,
        balanced=_balanced(placed, labels, level) if classes_unequal(class_counts) else {},
        chosen=chosen,
        trials=everything,
    )
    return Ranking(
        rows=rows,
        leader=leader.trial.number if leader else None,
        base_rate=base_rate,
        comparison=_baseline_to_best(rows, evidence, level, seed),
        changes=_changes(rows, evidence, level),
        choice=choice,
        optimism=optimism,
        optimism_of=rows[0].number if optimism else None,
        notes=limits(placed, images=images),
    )


def sorted_rows(ranking: Ranking, by: Sort = "tier") -> tuple[RankedTrial, ...]:
    """The rows in another order; `SORT_NOTES[by]` says why that order misleads."""
    if by == "gap":
        return tuple(sorted(ranking.rows, key=lambda row: (row.gap.estimate, row.rank)))
    if by == "validation":
        return tuple(sorted(ranking.rows, key=lambda row: (-row.validation.estimate, row.rank)))
    return ranking.rows


def _ties(placed: Sequence[Placed], level: float) -> Mapping[int, bool]:
    leading = [one.evidence for one in placed if one.tier is Tier.LEADING]
    if not leading:
        return {}
    ties = same_gap(leading[0], leading[1:], level=level)
    return {**ties, leading[0].trial.number: any(ties.values())}


def _balanced(placed: Iterable[Placed], labels: IndexArray | None, level: float) -> Mapping[int, Interval]:
    return {
        one.evidence.trial.number: balanced_accuracy(
            one.evidence.correct, labels, groups=one.evidence.groups, level=level
        )
        for one in placed
        if labels is not None and one.evidence.correct is not None
    }


def _rows(
    placed: Sequence[Placed],
    *,
    ties: Mapping[int, bool],
    leader: Evidence | None,
    balanced: Mapping[int, Interval],
    chosen: Mapping[int, float],
    trials: Iterable[TrialRecord],
) -> tuple[RankedTrial, ...]:
    copies: dict[int, list[TrialRecord]] = {}
    for trial in trials:
        if trial.duplicate_of is not None:
            copies.setdefault(trial.duplicate_of, []).append(trial)
    front = _front(placed)
    return tuple(
        RankedTrial(
            rank=position,
            tier=one.tier,
            tied=ties.get(number, False),
            reason=one.reason,
            p_worse=one.p_worse,
            baseline=one.evidence.trial.baseline or any(copy.baseline for copy in copies.get(number, [])),
            leader=one.evidence is leader,
            trial=one.evidence.trial,
            measurement=one.evidence.measurement,
            validation=one.evidence.validation,
            balanced=balanced.get(number),
            gap=one.evidence.gap,
            gap_cross_entropy=one.evidence.gap_cross_entropy,
            pareto=number in front,
            chosen=chosen.get(number),
            duplicates=tuple(copy.number for copy in copies.get(number, [])),
        )
        for position, one in enumerate(placed, start=1)
        for number in [one.evidence.trial.number]
    )


def _front(placed: Iterable[Placed]) -> frozenset[int]:
    """Numbers of the eligible trials on the Pareto front of validation cross-entropy and the gap in it."""
    eligible = [one.evidence for one in placed if one.tier in {Tier.LEADING, Tier.BEHIND}]
    measured = [one.measurement for one in eligible]
    points = [(one.validation_cross_entropy, max(0.0, one.gap_cross_entropy)) for one in measured]
    front = zip(eligible, pareto_front(points), strict=True)
    return frozenset(one.trial.number for one, stands in front if stands)


def _baseline_to_best(
    rows: Sequence[RankedTrial], evidence: Iterable[Evidence], level: float, seed: int
) -> Comparison | None:
    baseline = next((row for row in rows if row.baseline), None)
    if baseline is None or baseline.rank == 1:
        return None
    found = {one.trial.number: one for one in evidence}
    return compare(found[baseline.number], found[rows[0].number], level=level, seed=seed)


def _changes(rows: Sequence[RankedTrial], evidence: Iterable[Evidence], level: float) -> Mapping[int, Change]:
    baseline = next((row.number for row in rows if row.baseline), None)
    found = {one.trial.number: one for one in evidence}
    if baseline is None:
        return {}
    return changes_from(found.pop(baseline), found.values(), level=level)


def _finite(measurement: Measurement) -> bool:
    return all(
        math.isfinite(value)
        for value in (
            measurement.train_accuracy,
            measurement.train_cross_entropy,
            measurement.validation_accuracy,
            measurement.validation_cross_entropy,
        )
    )
