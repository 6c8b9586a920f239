"""The ranking in tiers: first who may be the best at all, then whose gap is smallest among those.

Why not by the raw gap: a model that has learnt nothing has no gap, and would win. Why not by validation alone: the best
of many trials on a few hundred images is partly luck, and the leader's neighbours are often just as good.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sweep.diagnosis.comparison import Comparison, Evidence, compare, evidence_of, group_codes, same_gap
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
        gap: clean train accuracy minus clean validation accuracy, a fraction.
        gap_cross_entropy: nats.
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
    gap: Interval
    gap_cross_entropy: Interval
    duplicates: tuple[int, ...]

    @property
    def number(self) -> int:
        """The trial's number."""
        return self.trial.number


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ranking:
    """Every measured trial in the order in which to prefer it.

    Attributes:
        rows: by tier and rank; duplicates and trials without a measurement are left out.
        leader: number of the eligible trial of highest J, or None where no trial is eligible.
        base_rate: what eligible trials must be shown to beat.
        comparison: from the baseline to rank 1; None where one of them is missing or both are the same.
        notes: sentences on what limits the ranking.
    """

    rows: tuple[RankedTrial, ...]
    leader: int | None
    base_rate: BaseRate
    comparison: Comparison | None
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

    Args:
        trials: of one study, in any state.
        predictions: trial number -> its predictions of the validation side at the selected epoch, as far as stored.
        class_counts: number of validation images of each class.
        labels: int64, of the validation images in the order of the predictions; without them no test is paired.
        groups: source of each validation image, where the split is grouped.
        level: of the intervals; tests use its complement.
        seed: of the bootstrap in the comparison with the baseline.
    """
    everything = tuple(trials)
    codes = group_codes(groups) if labels is not None else None
    evidence = [
        evidence_of(trial, trial.measurement, predictions.get(trial.number), labels=labels, groups=codes, level=level)
        for trial in everything
        if trial.duplicate_of is None and trial.measurement is not None and _finite(trial.measurement)
    ]
    base_rate = BaseRate.of(class_counts)
    placed, leader = place(evidence, base_rate, level)
    rows = _rows(placed, leader, everything, level)
    return Ranking(
        rows=rows,
        leader=leader.trial.number if leader else None,
        base_rate=base_rate,
        comparison=_baseline_to_best(rows, evidence, level, seed),
        notes=_notes(evidence, codes, leader),
    )


def sorted_rows(ranking: Ranking, by: Sort = "tier") -> tuple[RankedTrial, ...]:
    """The rows in another order; `SORT_NOTES[by]` says why that order misleads."""
    if by == "gap":
        return tuple(sorted(ranking.rows, key=lambda row: (row.gap.estimate, row.rank)))
    if by == "validation":
        return tuple(sorted(ranking.rows, key=lambda row: (-row.validation.estimate, row.rank)))
    return ranking.rows


def _rows(
    placed: Sequence[Placed], leader: Evidence | None, trials: Iterable[TrialRecord], level: float
) -> tuple[RankedTrial, ...]:
    leading = [one.evidence for one in placed if one.tier is Tier.LEADING]
    ties = dict(same_gap(leading[0], leading[1:], level=level)) if leading else {}
    if leading:
        ties[leading[0].trial.number] = any(ties.values())
    copies: dict[int, list[TrialRecord]] = {}
    for trial in trials:
        if trial.duplicate_of is not None:
            copies.setdefault(trial.duplicate_of, []).append(trial)
    return tuple(
        _row(one, position, one.evidence is leader, ties, copies.get(one.evidence.trial.number, []))
        for position, one in enumerate(placed, start=1)
    )


def _row(
    placed: Placed, position: int, leader: bool, ties: Mapping[int, bool], copies: Sequence[TrialRecord]
) -> RankedTrial:
    evidence = placed.evidence
    return RankedTrial(
        rank=position,
        tier=placed.tier,
        tied=ties.get(evidence.trial.number, False),
        reason=placed.reason,
        p_worse=placed.p_worse,
        baseline=evidence.trial.baseline or any(copy.baseline for copy in copies),
        leader=leader,
        trial=evidence.trial,
        measurement=evidence.measurement,
        validation=evidence.validation,
        gap=evidence.gap,
        gap_cross_entropy=evidence.gap_cross_entropy,
        duplicates=tuple(copy.number for copy in copies),
    )


def _baseline_to_best(
    rows: Sequence[RankedTrial], evidence: Iterable[Evidence], level: float, seed: int
) -> Comparison | None:
    baseline = next((row for row in rows if row.baseline), None)
    if baseline is None or baseline.rank == 1:
        return None
    found = {one.trial.number: one for one in evidence}
    return compare(found[baseline.number], found[rows[0].number], level=level, seed=seed)


def _notes(evidence: Sequence[Evidence], codes: IndexArray | None, leader: Evidence | None) -> tuple[str, ...]:
    notes = []
    if evidence and leader is None:
        notes.append("No trial that ran to its end is shown to be better than knowing the class frequencies alone.")
    blind = [one.trial.number for one in evidence if one.correct is None]
    if blind:
        listed = ", ".join(map(str, blind[:8])) + (" and more" if len(blind) > 8 else "")
        notes.append(
            f"No predictions are stored for {len(blind)} of {len(evidence)} trials ({listed}): they are compared by "
            "their own intervals, as if their validation images were different ones, which finds fewer differences."
        )
    if codes is not None:
        sources = len(set(codes.tolist()))
        notes.append(
            f"The {len(codes):,} validation images come from {sources:,} sources; intervals and tests treat each "
            "source, not each image, as independent."
        )
    return tuple(notes)


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
