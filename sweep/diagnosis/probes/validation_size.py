"""How far a validation accuracy lies from the truth because of the number of its images alone."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtri

from sweep.diagnosis.quantiles import normal_quantile
from sweep.diagnosis.statistics import Groups, effective_counts, gap_interval, wilson
from sweep.diagnosis.verdict import HARM
from sweep.diagnosis.wording import bounds, percent, points, size
from sweep.records import Cause, Finding, Interval, Remedy

__all__ = ["small_validation"]

_MEAN_ABSOLUTE = math.sqrt(2 / math.pi)
"""Mean absolute value of a normal error, in standard errors."""
_SOURCE = (
    "R. G. Newcombe, Two-sided confidence intervals for the single proportion, Statist. Med. 17 (1998); "
    "G. Varoquaux, Cross-validation failure: small sample sizes lead to large error bars, NeuroImage 180 (2018), "
    "arXiv:1706.07581"
)


def small_validation(
    *,
    correct: ArrayLike,
    groups: Groups | None = None,
    train_accuracy: float,
    folds: int = 0,
    harm: float = HARM,
    level: float = 0.95,
) -> Finding:
    """Expected absolute error of the validation accuracy: what another draw of as many images would change on average.

    It is sqrt(2 / pi) standard errors of a share, of independent images: with groups, of as many as they are worth. It
    follows from accuracy and number by arithmetic, so p is 0 where it is at least the harm margin, else 1. The effect's
    interval is that over Wilson's interval of the accuracy; with groups it also allows for the standard error being
    that of so many sources, by the chi-square distribution of a variance.

    Args:
        correct: bool, shape (n_images,), of the validation side at the kept weights.
        groups: source of every image.
        train_accuracy: clean.
        folds: trainings of a cross-validation behind them; 0 where there is one split.
        harm: the harm margin, a share of the images.
        level: of the intervals.

    Source: R. G. Newcombe, Two-sided confidence intervals for the single proportion, Statist. Med. 17 (1998).
    """
    right = np.asarray(correct, dtype=np.float64)
    counts = effective_counts(right, groups)
    sources = len(right) if groups is None else len(np.unique(np.asarray(groups)))
    share, gap = wilson(*counts, level=level), gap_interval(train_accuracy, *counts, level=level)
    error = _expected_error(share, counts[1], len(right), sources)
    half = (share.high - share.low) / 2
    needed = math.ceil(_needed(share.estimate, harm, level) * len(right) / counts[1])
    tells = "includes 0" if gap.low <= 0 <= gap.high else "does not include 0"
    worth = f"{len(right):,} validation images"
    if groups is not None:
        worth += f" of {sources:,} sources, worth {counts[1]:,.0f} independent ones,"
    return Finding(
        cause=Cause.SMALL_VALIDATION,
        effect=error,
        p=0.0 if error.estimate >= harm else 1.0,
        exact=True,
        summary=f"{worth} put the accuracy at {percent(share.estimate)} {bounds(share.low, share.high)}, on average "
        f"{size(error)} off the truth; the clean gap of {points(gap.estimate)} points {bounds(gap.low, gap.high)} "
        f"{tells}.",
        evidence={
            "images": len(right),
            "sources": sources,
            "independent_images": counts[1],
            "accuracy": share.estimate,
            "half_width": half,
            "images_needed": needed,
            "gap": gap.estimate,
            "gap_low": gap.low,
            "gap_high": gap.high,
            "gap_includes_zero": gap.low <= 0 <= gap.high,
        },
        remedies=tuple(_remedies(needed, harm, folds)),
        source=_SOURCE,
    )


def _expected_error(share: Interval, worth: float, images: int, sources: int) -> Interval:
    """Over all accuracies in the interval, for images that are worth so many independent ones."""
    ends = [one * (1 - one) for one in (share.low, share.high)]
    narrowest, widest = min(ends), 0.25 if share.low <= 0.5 <= share.high else max(ends)
    # That every image is right proves no accuracy of 1, whose error would be 0: there the interval's middle counts.
    known = share.estimate if 0 < share.estimate < 1 else (share.low + share.high) / 2
    own = known * (1 - known) / worth
    low, high = narrowest / worth, widest / worth
    if 1 < sources < images:
        # The variance of a mean of so many sources, which is never below that of single images.
        freedom, tail = sources - 1, (1 - share.level) / 2
        low = max(narrowest / images, min(low, own * freedom / float(chdtri(freedom, tail))))
        high = max(high, own * freedom / float(chdtri(freedom, 1 - tail)))
    estimate, low, high = (_MEAN_ABSOLUTE * math.sqrt(max(0.0, one)) for one in (own, low, high))
    return Interval(estimate=estimate, low=min(low, estimate), high=max(high, estimate), level=share.level)


def _needed(share: float, half: float, level: float) -> float:
    """Independent images at which Wilson's interval of a share reaches so far to either side.

    From half² (1 + u)² = share (1 - share) u + u² / 4 with u = z² / n.
    """
    spread = share * (1 - share)
    a, b = 0.25 - half**2, spread - 2 * half**2
    u = (math.sqrt(b**2 + 4 * a * half**2) - b) / (2 * a)
    return normal_quantile(level) ** 2 / u


def _remedies(needed: int, harm: float, folds: int) -> Iterator[Remedy]:
    if not folds:
        yield Remedy(
            sentence="Validate in folds: every image is then predicted once, by a model that did not see it.",
            changes={"data.validation": "{folds = 5}"},
        )
    yield Remedy(
        sentence=f"Validate {needed:,} images or more: then the interval reaches {points(harm)} points to either side."
    )
