"""What a remedy promises, and whether running it has kept the promise.

Most remedies promise that more of the validation images are classified rightly, those of rare classes that more of
every class are; those of a network that knows its
training images by heart that the gap narrows and validation does not pay for it; those of copies and bursts that the
validation number comes down to what new images would give. A promise is kept where the change is in its favour with a
one-sided p below 0.01 and at least as large as the harm margin; it is refuted where the interval of the change lies
below the margin; else nothing is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sweep.diagnosis.repeats import RepeatComparison
from sweep.diagnosis.verdict import SIGNIFICANCE, margin
from sweep.diagnosis.wording import p_text, size
from sweep.records import Cause, Finding, Interval, ProofOutcome, ProofRecord, Unit

__all__ = ["Promise", "Shown", "judge_remedy", "mended_by", "promise_of", "refuted"]


class Promise(StrEnum):
    """What a remedy is to bring."""

    ACCURACY = "more validation images right"
    CROSS_ENTROPY = "less validation cross-entropy"
    BALANCED = "more of every class right, all classes counted alike"
    GAP = "a narrower gap at no cost in validation"
    HONESTY = "a validation number without what it owes to training images"


_PROMISES: Mapping[Cause, Promise] = {
    **dict.fromkeys(
        (
            Cause.BATCH_NORM,
            Cause.FEW_IMAGES,
            Cause.LABEL_NOISE,
            Cause.SHIFT,
            Cause.PREPROCESSING,
            Cause.CLASS_BIAS,
            Cause.WEAK_FEATURES,
            Cause.BOTTLENECK,
            Cause.LEARNING_RATE,
            Cause.NOT_TRAINING,
            Cause.DISTORTION,
            Cause.OVER_REGULARIZED,
            Cause.RESOLUTION,
            Cause.CONFUSABLE_CLASSES,
            Cause.LAST_EPOCH,
        ),
        Promise.ACCURACY,
    ),
    Cause.IMBALANCE: Promise.BALANCED,
    Cause.CAPACITY: Promise.GAP,
    Cause.IDLE_DROPOUT: Promise.GAP,
    Cause.LEAK: Promise.HONESTY,
    Cause.BURSTS: Promise.HONESTY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What running a remedy has shown.

    Attributes:
        p: one-sided, that the promise is not kept.
        sentence: both changes with their intervals.
    """

    outcome: ProofOutcome
    p: float
    sentence: str


def promise_of(finding: Finding) -> Promise | None:
    """What the remedies of a cause promise; None where what is wrong is the reading and not the training."""
    promise = _PROMISES.get(finding.cause)
    if promise is Promise.ACCURACY and finding.unit is Unit.CROSS_ENTROPY:
        return Promise.CROSS_ENTROPY
    return promise


def refuted(proofs: Sequence[ProofRecord]) -> frozenset[Cause]:
    """Causes of which every remedy that was run was refuted."""
    by_cause: dict[Cause, set[ProofOutcome]] = {}
    for proof in proofs:
        by_cause.setdefault(proof.cause, set()).add(proof.outcome)
    return frozenset(cause for cause, outcomes in by_cause.items() if outcomes == {ProofOutcome.REFUTED})


def mended_by(proof: ProofRecord, proofs: Sequence[ProofRecord]) -> tuple[Cause, ...]:
    """Whom a proof mends, the first to mend first: several where it has other proofs' changes and its own cause's.

    Args:
        proof: any of them.
        proofs: all of one configuration.
    """
    parts = [one for one in proofs if one.changes and one.changes.items() < proof.changes.items()]
    if proof.cause not in {one.cause for one in parts}:
        return (proof.cause,)
    return tuple(dict.fromkeys((proof.cause, *(one.cause for one in parts))))


def judge_remedy(promise: Promise, change: RepeatComparison, *, harm: float, num_classes: int) -> Shown:
    """Hold what has changed against what was promised.

    Args:
        promise: of the remedy.
        change: from the configuration as it is to the mended one, of balanced accuracies where that is promised.
        harm: the harm margin, a share of the images.
        num_classes: of the study, for the margin in nats.
    """
    least, outcome = margin(Unit.ACCURACY, harm, num_classes), ProofOutcome.NOT_SHOWN
    gained, p_gained = change.accuracy_gained, _one_sided(change.accuracy_gained, change.p_accuracy)
    if promise is Promise.HONESTY:
        dropped = Interval(estimate=-gained.estimate, low=-gained.high, high=-gained.low, level=gained.level)
        p = _one_sided(dropped, change.p_accuracy)
        outcome = _kept(dropped, p, least)
    elif promise is Promise.CROSS_ENTROPY:
        p = _one_sided(change.cross_entropy_saved, change.p_cross_entropy)
        outcome = _kept(change.cross_entropy_saved, p, margin(Unit.CROSS_ENTROPY, harm, num_classes))
    elif promise in (Promise.ACCURACY, Promise.BALANCED):
        p = p_gained
        outcome = _kept(gained, p, least)
    else:
        p = _one_sided(change.gap_narrowed, change.p_gap)
        outcome = _kept(change.gap_narrowed, p, least)
        if outcome is ProofOutcome.PROVEN and gained.low <= -least:
            outcome = ProofOutcome.REFUTED if gained.high < 0 else ProofOutcome.NOT_SHOWN
    return Shown(outcome=outcome, p=p, sentence=_sentence(promise, change, p))


def _kept(change: Interval, p: float, least: float) -> ProofOutcome:
    if p < SIGNIFICANCE and change.estimate >= least:
        return ProofOutcome.PROVEN
    return ProofOutcome.REFUTED if change.high < least else ProofOutcome.NOT_SHOWN


def _one_sided(change: Interval, p: float) -> float:
    return p / 2 if change.estimate > 0 else 1 - p / 2


def _sentence(promise: Promise, change: RepeatComparison, p: float) -> str:
    kind = "new splits" if change.new_split else "trainings on the same split"
    gap, gained, saved = change.gap_narrowed, change.accuracy_gained, change.cross_entropy_saved
    gap_words = f"the clean gap {'narrows' if gap.estimate >= 0 else 'widens'} by {size(gap)}"
    quantity = "balanced validation accuracy" if promise is Promise.BALANCED else "validation accuracy"
    gained_words = f"{quantity} {'rises' if gained.estimate >= 0 else 'falls'} by {size(gained)}"
    first, then = (gap_words, gained_words) if promise is Promise.GAP else (gained_words, gap_words)
    if promise is Promise.CROSS_ENTROPY:
        way = "falls" if saved.estimate >= 0 else "rises"
        low, high = (saved.low, saved.high) if saved.estimate >= 0 else (-saved.high, -saved.low)
        first = f"validation cross-entropy {way} by {abs(saved.estimate):.3f} nats [{low:.3f}, {high:.3f}]"
        then = f"{gained_words}, {gap_words}"
    return f"over {change.repeats} {kind} {first} ({p_text(p)}); {then}"
