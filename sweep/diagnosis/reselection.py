"""The ranking's choice made again on resampled validation images: what rank 1 would have been, had others been drawn.

The correction for the luck of the best (`optimism`) is only as good as the rule that it repeats, so this is the rule of
`tiers.place`, step by step: who is eligible, who leads by J, who is significantly worse, whose gap is smallest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sweep.diagnosis.comparison import Evidence
from sweep.diagnosis.optimism import Select
from sweep.diagnosis.resamples import Resamples, holm_rejected, mcnemar_less, mean_above, wilson_low
from sweep.diagnosis.tiers import BaseRate
from sweep.records import IndexArray

__all__ = ["make_selection"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_CANDIDATES = 600
_BLOCK = 250  # resamples held in memory at once
_ONE_SIDED_95 = 1.645  # standard errors of the gap that J forgives, as in the search
_DECIMALS = 9  # as in the ranking: no choice hangs on the last bits of a float


def make_selection(evidence: Sequence[Evidence], base_rate: BaseRate, gap_weight: float, level: float) -> Select:
    """The rule of the ranking as a function of resampled validation images.

    With every image drawn once it chooses the ranking's rank 1, where every trial of the ranking has its predictions
    stored; else the rule's choice among those that have. J and the mean cross-entropy start from the stored
    values and change by what the stored predictions say; train numbers and the base rate stay.

    Of more than 600 trials only those take part that are among the 300 first by J or among the 300 first of the
    ranking; the others are taken to keep their tier and never to be first, so 10,000 trials cost little more than 600.
    Measured on 3,000 trials and 500 images, that moves the corrected accuracy by 0.04 points where trials differ and by
    0.14 where all are equally good; its standard error is 1.9.

    Args:
        evidence: of trials that ran to their end, with stored predictions and the same groups.
        base_rate: what eligible trials must be shown to beat.
        gap_weight: λ of J, 0 where the study's objective is validation alone.
        level: of Wilson's intervals; tests use its complement.

    Returns:
        From resample counts, float64, shape (draws, n_predictions), alike for all predictions of one source, to the
        position in `evidence` of each draw's choice, int64, shape (draws,).

    Raises:
        ValueError: there is no evidence, or one lacks its predictions.
    """
    rule = _Rule(base_rate=base_rate, gap_weight=gap_weight, level=level)
    candidates = _candidates(evidence, rule)
    if len(evidence) > _CANDIDATES:
        candidates = _shortened(candidates, _stand(candidates, candidates.once, rule))

    def select(weights: FloatArray) -> IndexArray:
        chosen = np.empty(len(weights), np.int64)
        for start in range(0, len(weights), _BLOCK):
            block = slice(start, start + _BLOCK)
            drawn = Resamples(counts=weights[block, candidates.first], sizes=candidates.sizes)
            chosen[block] = candidates.positions[_choose(candidates, _stand(candidates, drawn, rule))]
        return chosen

    return select


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    base_rate: BaseRate
    gap_weight: float
    level: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Candidates:
    """Trials in columns, in the order in which the ranking breaks ties of the gap; units in rows.

    Attributes:
        positions: of each candidate in the caller's evidence.
        by_number: candidates in the order of their trials' numbers, which breaks ties of J.
        objective, cross_entropy: J and mean validation cross-entropy, each as stored less as predictions give them.
        train_accuracy, train_cross_entropy: clean.
        first: position of the first prediction of each unit.
        sizes: predictions of each unit, float64.
        right, nats, squares: sums over each unit's predictions of hits, cross-entropies, and squares of the latter.
        single: whether units are images, each predicted once.
        others_leading: trials that do not take part and stand in tier 1.
    """

    positions: IndexArray
    by_number: IndexArray
    objective: FloatArray
    cross_entropy: FloatArray
    train_accuracy: FloatArray
    train_cross_entropy: FloatArray
    first: IndexArray
    sizes: FloatArray
    right: FloatArray
    nats: FloatArray
    squares: FloatArray
    single: bool
    others_leading: int = 0

    @property
    def once(self) -> Resamples:
        """Every unit drawn once."""
        return Resamples(counts=np.ones((1, len(self.sizes))), sizes=self.sizes)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Standing:
    """Where each candidate stands in each resample; all of shape (draws, n_candidates)."""

    objective: FloatArray
    gap_bound: FloatArray
    eligible: BoolArray
    leading: BoolArray


def _candidates(evidence: Sequence[Evidence], rule: _Rule) -> _Candidates:
    if not evidence:
        raise ValueError("a selection needs at least one trial")
    order = sorted(range(len(evidence)), key=lambda position: _simplicity(evidence[position]))
    ordered = [evidence[position] for position in order]
    right = np.stack([_stored(one)[0] for one in ordered], axis=1).astype(np.float64)
    nats = np.stack([_stored(one)[1] for one in ordered], axis=1)
    groups = ordered[0].groups
    codes = np.arange(len(right)) if groups is None else groups
    _, first, units, sizes = np.unique(codes, return_index=True, return_inverse=True, return_counts=True)
    objectives = [one.trial.objective for one in ordered]
    found = _Candidates(
        positions=np.array(order, np.int64),
        by_number=np.argsort([one.trial.number for one in ordered]),
        objective=np.zeros(len(order)),
        cross_entropy=np.zeros(len(order)),
        train_accuracy=np.array([one.measurement.train_accuracy for one in ordered]),
        train_cross_entropy=np.array([one.measurement.train_cross_entropy for one in ordered]),
        first=first,
        sizes=sizes.astype(np.float64),
        right=_by_unit(right, units),
        nats=_by_unit(nats, units),
        squares=_by_unit(nats**2, units),
        single=groups is None,
    )
    mean, objective = _objective(found, found.once, rule)
    return replace(
        found,
        objective=np.array([np.nan if value is None else value for value in objectives]) - objective[0],
        cross_entropy=np.array([one.measurement.validation_cross_entropy for one in ordered]) - mean[0],
    )


def _simplicity(evidence: Evidence) -> tuple[int, float, int]:
    measured = evidence.measurement
    return measured.trainable_parameters, measured.seconds, evidence.trial.number


def _stored(evidence: Evidence) -> tuple[BoolArray, FloatArray]:
    if evidence.correct is None or evidence.cross_entropy is None:
        raise ValueError(f"a selection needs every trial's predictions, and trial {evidence.trial.number} has none")
    return evidence.correct, evidence.cross_entropy


def _by_unit(values: FloatArray, units: IndexArray) -> FloatArray:
    sums = np.zeros((int(units.max()) + 1, values.shape[1]))
    if len(sums) == len(values):  # one value a unit, and no sum
        sums[units] = values
    else:
        np.add.at(sums, units, values)
    return sums


def _shortened(every: _Candidates, standing: _Standing) -> _Candidates:
    """The first candidates by J and the first of the ranking, in the order that they had."""
    objective, eligible, leading = standing.objective[0], standing.eligible[0], standing.leading[0]
    tiers = np.where(leading, standing.gap_bound[0], np.inf)
    half = _CANDIDATES // 2
    kept = np.union1d(np.lexsort((-objective, ~eligible))[:half], np.lexsort((-objective, ~eligible, tiers))[:half])
    return replace(
        every,
        positions=every.positions[kept],
        by_number=np.argsort(np.argsort(every.by_number)[kept]),
        objective=every.objective[kept],
        cross_entropy=every.cross_entropy[kept],
        train_accuracy=every.train_accuracy[kept],
        train_cross_entropy=every.train_cross_entropy[kept],
        right=every.right[:, kept],
        nats=every.nats[:, kept],
        squares=every.squares[:, kept],
        others_leading=int(leading.sum() - leading[kept].sum()),
    )


def _choose(candidates: _Candidates, standing: _Standing) -> IndexArray:
    """The leading candidate of the smallest gap; where none is eligible, the one of highest J."""
    by_gap = np.where(standing.leading, standing.gap_bound, np.inf).argmin(axis=1)
    return np.where(standing.eligible.any(axis=1), by_gap, _highest(candidates, standing.objective))


def _stand(candidates: _Candidates, drawn: Resamples, rule: _Rule) -> _Standing:
    mean, objective = _objective(candidates, drawn, rule)
    cross_entropy = np.round(candidates.cross_entropy + mean, _DECIMALS)
    # A trial without J may be eligible, and is the last to lead.
    objective = np.nan_to_num(np.round(candidates.objective + objective, _DECIMALS), nan=np.finfo(np.float64).min)
    accuracy = wilson_low(candidates.right, drawn, single=candidates.single, level=rule.level)
    eligible = (accuracy > rule.base_rate.accuracy) & (cross_entropy < round(rule.base_rate.cross_entropy, _DECIMALS))
    leader = _highest(candidates, np.where(eligible, objective, -np.inf))
    rivals = eligible.copy()
    rivals[np.arange(len(leader)), leader] = False
    p = np.where(rivals, _p_worse(candidates, leader, drawn), np.inf)
    return _Standing(
        objective=objective,
        gap_bound=np.round(candidates.train_accuracy - accuracy, _DECIMALS),
        eligible=eligible,
        leading=eligible & ~holm_rejected(p, 1 - rule.level, accepted=candidates.others_leading),
    )


def _objective(candidates: _Candidates, drawn: Resamples, rule: _Rule) -> tuple[FloatArray, FloatArray]:
    """Mean cross-entropy and J of the stored predictions, both of shape (draws, n_candidates)."""
    n = drawn.images
    mean = drawn.sums(candidates.nats) / n
    variance = np.maximum(0.0, drawn.sums(candidates.squares) - n * mean**2) / np.maximum(1.0, n - 1)
    certain_gap = mean - candidates.train_cross_entropy - _ONE_SIDED_95 * np.sqrt(variance / n)
    return mean, -mean - rule.gap_weight * np.maximum(0.0, certain_gap)


def _highest(candidates: _Candidates, objective: FloatArray) -> IndexArray:
    first = objective[:, candidates.by_number].argmax(axis=1)
    return np.asarray(candidates.by_number[first])


def _p_worse(candidates: _Candidates, leader: IndexArray, drawn: Resamples) -> FloatArray:
    """`comparison.worse_than` for every candidate and the leader of each resample."""
    cross_entropy = mean_above(candidates.nats, leader, drawn)
    if candidates.single:
        accuracy = mcnemar_less(candidates.right, leader, drawn)
    else:
        accuracy = mean_above(-candidates.right, leader, drawn)
    return 2 * np.minimum(accuracy, cross_entropy)
