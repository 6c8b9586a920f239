"""Tiers: which trials may be the best at all, judged on the validation side alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from sweep.diagnosis.comparison import Evidence, worse_than
from sweep.diagnosis.statistics import holm
from sweep.diagnosis.wording import p_text
from sweep.records import TrialState

__all__ = ["BaseRate", "Placed", "Tier", "place"]


class Tier(IntEnum):
    """Where a trial stands; the numbers are printed and stored in JSON, so they keep their meaning."""

    LEADING = 1
    BEHIND = 2
    NOT_TRAINED = 3
    PRUNED = 4

    @property
    def meaning(self) -> str:
        """What the tier says of a trial, to be read after "Tier n:"."""
        return _MEANINGS[self]


_MEANINGS = {
    Tier.LEADING: "not significantly worse on validation than the leader; the smallest gap first",
    Tier.BEHIND: "significantly worse on validation than the leader; by J",
    Tier.NOT_TRAINED: "not shown to be better than knowing the class frequencies alone",
    Tier.PRUNED: "stopped early by the pruner, so never measured at full length",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseRate:
    """What a model reaches that knows the class frequencies of the validation side and nothing else.

    Attributes:
        accuracy: share of the most frequent class.
        cross_entropy: entropy of the frequencies, nats.
    """

    accuracy: float
    cross_entropy: float

    @classmethod
    def of(cls, class_counts: Sequence[int]) -> BaseRate:
        """From the number of validation images of each class.

        Raises:
            ValueError: there is no image at all.
        """
        images = sum(class_counts)
        if images <= 0:
            raise ValueError(f"a base rate needs validation images, got counts {list(class_counts)}")
        shares = [count / images for count in class_counts if count]
        return cls(accuracy=max(shares), cross_entropy=-sum(share * math.log(share) for share in shares))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Placed:
    """A trial with its tier, why it stands there, and its adjusted p of being worse than the leader where compared."""

    evidence: Evidence
    tier: Tier
    reason: str
    p_worse: float | None = None


def place(evidence: Sequence[Evidence], base_rate: BaseRate, level: float) -> tuple[list[Placed], Evidence | None]:
    """Put every trial into its tier, in the order of the ranking; also the leader, where any trial is eligible.

    Holm's correction does not know that the leader was itself chosen on these images: simulated, of 30 equally good
    trials on 500 images 1.8 % fall into tier 2, and in a quarter of such studies at least one does.
    """
    complete = [one for one in evidence if one.trial.state is TrialState.COMPLETE]
    shortfalls = {one.trial.number: _shortfall(one, base_rate) for one in complete}
    eligible = sorted((one for one in complete if not shortfalls[one.trial.number]), key=_by_objective)
    rest = sorted((one for one in complete if shortfalls[one.trial.number]), key=_by_objective)
    leader = eligible[0] if eligible else None
    ranked = _judge(eligible[1:], leader, level) if leader else []
    first = sorted((one for one in ranked if one.tier is Tier.LEADING), key=lambda one: _by_gap(one.evidence))
    behind = [one for one in ranked if one.tier is Tier.BEHIND]
    untrained = [Placed(evidence=one, tier=Tier.NOT_TRAINED, reason=shortfalls[one.trial.number]) for one in rest]
    return [*first, *behind, *untrained, *_pruned(evidence)], leader


def _judge(rivals: Sequence[Evidence], leader: Evidence, level: float) -> list[Placed]:
    tests = [worse_than(rival, leader) for rival in rivals]
    adjusted = holm([p for p, _ in tests])
    placed = [Placed(evidence=leader, tier=Tier.LEADING, reason="the leader: highest J")]
    for rival, p, (_, measure) in zip(rivals, adjusted, tests, strict=True):
        behind = p < 1 - level
        verdict = f"significantly worse than trial {leader.trial.number}" + (f" in {measure}" if behind else "")
        placed.append(
            Placed(
                evidence=rival,
                tier=Tier.BEHIND if behind else Tier.LEADING,
                reason=f"{'' if behind else 'not '}{verdict} ({p_text(p)})",
                p_worse=p,
            )
        )
    return placed


def _pruned(evidence: Sequence[Evidence]) -> list[Placed]:
    pruned = [one for one in evidence if one.trial.state is TrialState.PRUNED]
    pruned.sort(key=lambda one: (one.measurement.validation_cross_entropy, one.trial.number))
    return [
        Placed(evidence=one, tier=Tier.PRUNED, reason=f"stopped early after epoch {one.measurement.epochs_run}")
        for one in pruned
    ]


def _shortfall(evidence: Evidence, base_rate: BaseRate) -> str:
    """Why a trial is not eligible, or ""."""
    if evidence.validation.low <= base_rate.accuracy:
        return (
            f"accuracy may be as low as {100 * evidence.validation.low:.1f} %, and naming the most frequent class "
            f"gives {100 * base_rate.accuracy:.1f} %"
        )
    if evidence.measurement.validation_cross_entropy >= base_rate.cross_entropy:
        return (
            f"cross-entropy {evidence.measurement.validation_cross_entropy:.3f} is not below "
            f"{base_rate.cross_entropy:.3f}, which the class frequencies give"
        )
    return ""


def _by_objective(evidence: Evidence) -> tuple[float, int]:
    objective = evidence.trial.objective
    return (math.inf if objective is None or math.isnan(objective) else -objective, evidence.trial.number)


def _by_gap(evidence: Evidence) -> tuple[float, int, float, int]:
    measured = evidence.measurement
    # Rounding keeps the next criterion from hanging on the last bits of a float.
    return (round(evidence.gap.high, 9), measured.trainable_parameters, measured.seconds, evidence.trial.number)
