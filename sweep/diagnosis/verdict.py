"""From what every probe has found to one verdict: the causes in the order to mend them, healthy, or undetermined.

A cause is found where its p, adjusted by Holm for all probes that test something, is below 0.01, its effect is at least
the harm margin, and the effect's 95 % interval lies above 0. It is excluded where that interval lies below the margin.
All else is undetermined: a verdict is never forced.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sweep.diagnosis.statistics import holm
from sweep.records import Cause, Finding, Unit

__all__ = [
    "HARM",
    "ORDER",
    "READINGS",
    "SIGNIFICANCE",
    "Judged",
    "Outcome",
    "Status",
    "Verdict",
    "judge",
    "latest",
    "margin",
    "verdict_sentence",
]

HARM = 0.02
"""The harm margin unless a study says otherwise: two points of accuracy."""
SIGNIFICANCE = 0.01

ORDER: tuple[Cause, ...] = (
    # Is the number real?
    Cause.NOT_TRAINING,
    Cause.PREPROCESSING,
    Cause.SMALL_VALIDATION,
    # Artefacts of the mode in which it was measured.
    Cause.TRAINING_MODE,
    Cause.BATCH_NORM,
    Cause.BOOKKEEPING,
    # The data.
    Cause.LEAK,
    Cause.BURSTS,
    Cause.SHORTCUT,
    Cause.SHIFT,
    Cause.LABEL_NOISE,
    Cause.IMBALANCE,
    Cause.CLASS_BIAS,
    # The fit.
    Cause.BOTTLENECK,
    Cause.OVER_REGULARIZED,
    Cause.LEARNING_RATE,
    Cause.WEAK_FEATURES,
    Cause.RESOLUTION,
    Cause.CAPACITY,
    Cause.IDLE_DROPOUT,
    Cause.FEW_IMAGES,
    Cause.CONFUSABLE_CLASSES,
    Cause.DISTORTION,
    # The choice.
    Cause.LAST_EPOCH,
    Cause.BEST_OF_MANY,
)
"""Earlier causes make later ones look other than they are."""

READINGS = (
    Cause.SHORTCUT,
    Cause.TRAINING_MODE,
    Cause.BOOKKEEPING,
    Cause.SMALL_VALIDATION,
    Cause.BEST_OF_MANY,
)
"""What is wrong with a number and not with the network, and what a network could go by without having been seen to:
named behind all that is to be changed. They hide causes, but what is found nevertheless is not made to look other than
it is."""


class Outcome(StrEnum):
    """What is said of one cause; refuted is what was found, but mending it has changed nothing."""

    FOUND = "found"
    REFUTED = "refuted"
    EXCLUDED = "excluded"
    UNDETERMINED = "undetermined"
    NOT_MEASURED = "not measured"


class Status(StrEnum):
    """What is said of the whole."""

    CAUSES = "causes"
    HEALTHY = "healthy"
    UNDETERMINED = "undetermined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One cause's finding and what follows from it.

    Attributes:
        p: adjusted for the number of tests; None where nothing was measured.
        images_needed: how many independent images would settle an undetermined cause, were the effect as estimated;
            None where it is settled, or where more images would not do it.
    """

    finding: Finding
    outcome: Outcome
    p: float | None
    images_needed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is wrong, if anything.

    Attributes:
        status: causes were found, every one is excluded, or neither.
        judged: every cause, in `ORDER` but for `READINGS`, which come last.
        harm: the margin, as a share of the images.
    """

    status: Status
    judged: tuple[Judged, ...]
    harm: float

    def having(self, outcome: Outcome) -> tuple[Judged, ...]:
        """The causes of which this is said."""
        return tuple(one for one in self.judged if one.outcome is outcome)

    @property
    def causes(self) -> tuple[Finding, ...]:
        """What was found, the first to mend first."""
        return tuple(one.finding for one in self.having(Outcome.FOUND))


def margin(unit: Unit, harm: float, num_classes: int) -> float:
    """The harm margin in a unit.

    Cross-entropies are held against `harm` · ln(num_classes), which is what that share of the images costs when they
    are known and then no longer.
    """
    return harm if unit is Unit.ACCURACY else harm * math.log(num_classes)


def judge(
    findings: Sequence[Finding], *, num_classes: int, harm: float = HARM, refuted: Collection[Cause] = ()
) -> Verdict:
    """Apply the decision rule to one finding a cause.

    Args:
        findings: of every cause that was looked at, each once; see `latest`.
        num_classes: of the study.
        harm: the harm margin, a share of the images.
        refuted: causes whose remedies were run and brought nothing.

    Raises:
        ValueError: a cause has two findings.
    """
    if len({finding.cause for finding in findings}) < len(findings):
        raise ValueError("expected one finding a cause")
    tested = [finding for finding in findings if finding.p is not None and not finding.exact]
    adjusted = dict(
        zip((one.cause for one in tested), holm([one.p for one in tested if one.p is not None]), strict=True)
    )
    ordered = sorted(findings, key=lambda finding: (finding.cause in READINGS, ORDER.index(finding.cause)))
    judged = tuple(
        _judged(one, adjusted.get(one.cause, one.p), margin(one.unit, harm, num_classes), one.cause in refuted)
        for one in ordered
    )
    return Verdict(status=_status(judged), judged=judged, harm=harm)


def latest(rounds: Sequence[Sequence[Finding]]) -> tuple[Finding, ...]:
    """One finding a cause from rounds of probing, each with more repaired than the one before it.

    A later round replaces what an earlier one said, but for causes that were repaired in it.
    """
    found: dict[Cause, Finding] = {}
    for findings in rounds:
        for finding in findings:
            if finding.cause not in finding.repaired:
                found[finding.cause] = finding
    return tuple(found.values())


def verdict_sentence(verdict: Verdict) -> str:
    """The verdict in one sentence: the first cause with its numbers, or why there is none."""
    causes = verdict.causes
    if causes:
        others = ", ".join(finding.cause.value for finding in causes[1:])
        first = f"{causes[0].cause.value}: {causes[0].summary.rstrip('.')}."
        return first + (f" Then: {others}." if others else "")
    excluded = len(verdict.having(Outcome.EXCLUDED))
    if verdict.status is Status.HEALTHY:
        return f"healthy: all {excluded} causes that were looked at are excluded, each by {verdict.harm:.0%} or less."
    open_ = verdict.having(Outcome.UNDETERMINED)
    missing = verdict.having(Outcome.NOT_MEASURED)
    clauses = [f"{excluded} causes are excluded"]
    if open_:
        clauses.append(f"{_listed(open_)} cannot be told from chance with these images")
    if refuted := verdict.having(Outcome.REFUTED):
        clauses.append(f"mending {_listed(refuted)} has changed nothing")
    if missing:
        clauses.append(f"{_listed(missing)} could not be measured")
    return f"undetermined: {'; '.join(clauses)}."


def _listed(judged: Sequence[Judged]) -> str:
    return ", ".join(one.finding.cause.value for one in judged)


def _judged(finding: Finding, p: float | None, least: float, refuted: bool) -> Judged:
    effect = finding.effect
    if effect is None or p is None:
        return Judged(finding=finding, outcome=Outcome.NOT_MEASURED, p=None)
    if p < SIGNIFICANCE and effect.low > 0 and effect.estimate >= least:
        return Judged(finding=finding, outcome=Outcome.REFUTED if refuted else Outcome.FOUND, p=p)
    if effect.high < least:
        return Judged(finding=finding, outcome=Outcome.EXCLUDED, p=p)
    return Judged(finding=finding, outcome=Outcome.UNDETERMINED, p=p, images_needed=_needed(finding, least))


def _needed(finding: Finding, least: float) -> int | None:
    """Images at which an interval about the same estimate would lie above 0, or below the margin."""
    effect = finding.effect
    assert effect is not None
    if not finding.images:
        return None
    if effect.estimate >= least:
        shrink = (effect.estimate - effect.low) / effect.estimate
    else:
        shrink = (effect.high - effect.estimate) / (least - effect.estimate)
    needed = finding.images * max(1.0, shrink) ** 2
    return math.ceil(needed) if math.isfinite(needed) else None


def _status(judged: Sequence[Judged]) -> Status:
    outcomes = {one.outcome for one in judged}
    if Outcome.FOUND in outcomes:
        return Status.CAUSES
    return Status.HEALTHY if outcomes == {Outcome.EXCLUDED} else Status.UNDETERMINED
