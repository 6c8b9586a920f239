"""The sentence beside each figure: what to see in it, from this study's own numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping

from sweep.diagnosis.ranking import RankedTrial
from sweep.diagnosis.tiers import Tier
from sweep.report.gather import Report
from sweep.report.sentences import TERM_LABELS, row_name
from sweep.report.wording import points

__all__ = [
    "curves_caption",
    "gap_caption",
    "importances_caption",
    "parallel_caption",
    "ranking_caption",
    "waterfall_caption",
]


def ranking_caption(report: Report) -> str:
    """Who leads, and how many cannot be told apart."""
    if report.ranking.leader is None:
        return "No trial is eligible for tier 1."
    first = [row for row in report.ranking.rows if row.tier is Tier.LEADING]
    behind = any(row.tier is Tier.BEHIND for row in report.ranking.rows)
    text = f"Trial {report.ranking.leader} scores highest (J)"
    if len(first) == 1:
        return f"{text}; the others are significantly worse." if behind else f"{text}."
    others = "one other is" if len(first) == 2 else f"{len(first) - 1} others are"
    text += f", and {others} not significantly worse. Among these the smallest gap comes first."
    ties = sum(row.tied for row in first[1:])
    return text + (f" In {ties} of them, marked “=”, the gap cannot be told from rank 1's." if ties else "")


def curves_caption(report: Report, row: RankedTrial | None) -> str:
    """Where the reference trial (the baseline, where it has a result) was best on validation."""
    epochs = () if row is None else report.epochs.get(row.number, ())
    if row is None or not epochs:
        return "No trial has finished an epoch yet."
    best = min(epochs, key=lambda epoch: epoch.validation_cross_entropy).epoch
    name = report.baseline_name.capitalize() if row.baseline else f"Trial {row.number}"
    if best == epochs[-1].epoch:
        return f"{name} was still improving on validation at its last epoch, {best}."
    return f"{name} is best on validation at epoch {best} of {epochs[-1].epoch}; what train gains afterwards is gap."


def gap_caption(report: Report) -> str:
    """Where rank 1 stands from the baseline."""
    change = report.ranking.comparison
    if change is None:
        return "Lower right is better: a small gap at a high validation accuracy."
    vertical = "higher" if change.gap_narrowed.estimate < 0 else "lower"
    horizontal = "left" if change.accuracy_gained.estimate < 0 else "right"
    down, across = points(abs(change.gap_narrowed.estimate)), points(abs(change.accuracy_gained.estimate))
    return (
        f"Lower right is better. Trial {change.second} lies {down} points {vertical} and {across} points further "
        f"{horizontal} than {report.baseline_name}."
    )


def importances_caption(report: Report) -> str:
    """The strongest field on either side, or why there is none."""
    gap, validation = report.importances.get("gap", {}), report.importances.get("validation", {})
    if not gap and not validation:
        return report.importances_reason or "There are too few finished trials to tell."
    if gap and validation:
        strongest, same = _strongest(gap), _strongest(gap)[0] == _strongest(validation)[0]
        rest = "and validation too" if same else "validation most by {} ({})".format(*_strongest(validation))
        return f"The gap is moved most by {strongest[0]} ({strongest[1]}), {rest}."
    metric, shares = ("gap", gap) if gap else ("validation accuracy", validation)
    return "The {} is moved most by {} ({}).".format(metric, *_strongest(shares))


def waterfall_caption(report: Report, row: RankedTrial | None) -> str:
    """By how much the reported gap misses the clean one, and which term is most of that."""
    if row is None:
        return "No trial has been measured yet."
    others = [term for term in report.waterfall(row).terms if term.name != "clean_gap"]
    missed, name = sum(term.interval.estimate for term in others), row_name(report, row)
    if not math.isfinite(missed):
        return f"Not all that Keras would have logged of {name} is known."
    if points(missed) == points(0.0):
        return f"The gap that Keras would report of {name} is the clean one."
    largest = max(others, key=lambda term: abs(term.interval.estimate))
    verb = "adds {} points to" if missed > 0 else "hides {} points of"
    return (
        f"What Keras would report {verb.format(points(abs(missed)))} the gap of {name}; the largest part is "
        f"{TERM_LABELS[largest.name]} ({points(largest.interval.estimate)})."
    )


def parallel_caption(report: Report) -> str:
    """How to read the lines."""
    if report.ranking.leader is None:
        return "Each line is a trial, and no trial has reached tier 1."
    return (
        "Each line is a trial. Where the green lines of tier 1 bunch together, that value matters; where they spread "
        "out, it does not."
    )


def _strongest(shares: Mapping[str, float]) -> tuple[str, str]:
    name = max(shares, key=lambda key: shares[key])
    return name, f"{100 * shares[name]:.0f} %"
