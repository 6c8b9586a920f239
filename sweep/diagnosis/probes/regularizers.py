"""Does dropout do nothing about the gap, and does any regulariser do too much? Both from trainings with less of it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sweep.diagnosis.probes.gains import Gain
from sweep.diagnosis.probes.interventions import bounded, greatest, remedy_of, spoken
from sweep.diagnosis.probes.masks import perturbation
from sweep.diagnosis.probes.paired_fits import (
    FITS_SOURCE,
    Groups,
    yardstick,
)
from sweep.diagnosis.statistics import effective_counts, gap_interval, mean_above_zero
from sweep.diagnosis.verdict import HARM
from sweep.diagnosis.wording import points, size
from sweep.records import Cause, Finding, FitRecord, Interval, Remedy, Scalar

__all__ = ["idle_dropout", "over_regularized"]

IDLE_SHARE = 0.2
"""Dropout that takes less than this share off a gap leaves it what it is; no validation set of ordinary size could show
that it takes less than two points off one of 25."""

_IDLE_SOURCE = (
    "J. Tompson et al., Efficient object localization using convolutional networks, CVPR (2015), "
    "https://arxiv.org/abs/1411.4280; G. Ghiasi et al., DropBlock, NeurIPS (2018), https://arxiv.org/abs/1810.12890; "
    "equivalence: D. J. Schuirmann, J. Pharmacokinet. Biopharm. 15 (1987); "
    f"{FITS_SOURCE}"
)
_OVER_SOURCE = f"refitting with a tenth of each regulariser, or none; {FITS_SOURCE}"


def idle_dropout(
    baseline: FitRecord,
    without: FitRecord | None,
    *,
    rate: float,
    positions: int,
    train_images: int,
    groups: Groups | None = None,
    again: FitRecord | None = None,
    harm: float = HARM,
) -> Finding:
    """The clean gap that stands although there is dropout, where dropout is shown to do nothing about it (T18).

    Doing nothing is an equivalence: without dropout neither the gap nor validation accuracy changes by as much as
    `harm`, or `IDLE_SHARE` of the gap's lower bound where that is more. p is the largest of the equivalences' and of
    that of no gap. Where dropout is shown to change either by more, in whichever direction, it is not idle.

    Args:
        baseline: the configuration in question.
        without: the same without dropout.
        rate: of the dropout; 0 where there is none.
        positions: over which what drops out is averaged before the next weights: those of the feature map for
            elementwise dropout before a pooling, else 1.
        train_images: on the training side.
        groups: source of every validation image.
        again: the baseline with other seeds.
        harm: the harm margin, a share of the images.
    """
    if not rate:
        return Finding.impossible(Cause.IDLE_DROPOUT, "There is no dropout that could be without effect.")
    if without is None:
        return Finding.not_measured(Cause.IDLE_DROPOUT, "the configuration was not trained without its dropout")
    measure = yardstick(baseline, again, groups)
    fit = measure.fit
    gap = gap_interval(fit.train_accuracy, *effective_counts(fit.correct, groups))
    margin = max(harm, IDLE_SHARE * gap.low)
    gained = measure.accuracy_gained(without, groups).turned()
    narrowed = gained.plus(measure.train_accuracy_gained(without, train_images))
    evidence = bounded("gap_narrowed", narrowed.interval()) | bounded("validation_gained", gained.interval())
    return Finding(
        cause=Cause.IDLE_DROPOUT,
        effect=_left(gap, (narrowed, gained), margin),
        p=max(
            narrowed.within(margin), gained.within(margin), mean_above_zero(fit.train_accuracy - fit.correct, groups)
        ),
        images=narrowed.images,
        summary=_idle_sentence(rate, gap, narrowed, gained, margin),
        evidence=evidence
        | {"margin": margin, "trainings": fit.seeds}
        | _perturbation(rate, positions, baseline.logit_noise),
        remedies=_stronger(without, positions),
        source=_IDLE_SOURCE,
    )


def over_regularized(
    baseline: FitRecord,
    weaker: Sequence[FitRecord],
    *,
    train_images: int,
    probe_correct: NDArray[np.bool_] | None = None,
    groups: Groups | None = None,
    again: FitRecord | None = None,
) -> Finding:
    """How much validation accuracy weaker regularisation gains (T22).

    That the clean gap is small and training accuracy low is how it looks, and is evidence; the gain is what decides.

    Args:
        baseline: the configuration in question.
        weaker: the same with a regulariser at a tenth or off, one or several at a time.
        train_images: on the training side.
        probe_correct: what a ridge regression on the same features gets right, bool, shape (n_validation,).
        groups: source of every validation image.
        again: the baseline with other seeds.
    """
    if not weaker:
        return Finding.impossible(Cause.OVER_REGULARIZED, "Nothing is regularised.")
    measure = yardstick(baseline, again, groups)
    fit = measure.fit
    gains = [measure.accuracy_gained(one, groups) for one in weaker]
    chosen, p, effect = greatest(gains)
    best = weaker[chosen]
    fitted = measure.train_accuracy_gained(best, train_images)
    evidence = bounded("train_gained", fitted.interval()) | {
        "clean_gap": fit.train_accuracy - float(fit.correct.mean()),
        "train_accuracy": fit.train_accuracy,
        "configurations_tried": len(weaker),
        "trainings": fit.seeds,
    }
    if probe_correct is not None:
        ridge = measure.accuracy_gained(np.asarray(probe_correct, dtype=np.float64), groups)
        evidence |= bounded("ridge_gains", ridge.interval())
    order = sorted(range(len(weaker)), key=lambda position: position != chosen)
    return Finding(
        cause=Cause.OVER_REGULARIZED,
        effect=effect,
        p=p,
        images=gains[chosen].images,
        summary=_weaker_sentence(best, effect, fitted, fit.train_accuracy - float(fit.correct.mean())),
        evidence=evidence,
        remedies=tuple(remedy_of(weaker[position]) for position in order if gains[position].estimate > 0),
        source=_OVER_SOURCE,
    )


def _left(gap: Interval, changes: Sequence[Gain], margin: float) -> Interval:
    """The gap where dropout changes nothing, nothing where it changes something, and open in between."""
    intervals = [change.interval() for change in changes]
    if any(one.low > margin or one.high < -margin for one in intervals):
        return Interval(estimate=0.0, low=0.0, high=0.0)
    idle = all(-margin < one.low and one.high < margin for one in intervals)
    return Interval(estimate=gap.estimate, low=gap.low if idle else min(0.0, gap.low), high=gap.high)


def _perturbation(rate: float, positions: int, logit_noise: float) -> dict[str, Scalar]:
    """How far masks should move what is averaged behind them, and how far they move the logits."""
    found: dict[str, Scalar] = {"dropout_rate": rate, "positions": positions}
    found["features_perturbed_by"] = perturbation(rate, positions)
    return found if math.isnan(logit_noise) else found | {"logit_noise": logit_noise}


def _idle_sentence(rate: float, gap: Interval, narrowed: Gain, gained: Gain, margin: float) -> str:
    change, validation = narrowed.interval(), gained.interval()
    return (
        f"With dropout {rate:g} the clean gap is {size(gap)}, {'narrower' if change.estimate >= 0 else 'wider'} than "
        f"without by {size(change)}, and validation accuracy {'higher' if validation.estimate >= 0 else 'lower'} by "
        f"{size(validation)}, where less than {points(margin)} points counts as no effect."
    )


def _weaker_sentence(best: FitRecord, effect: Interval, fitted: Gain, gap: float) -> str:
    return (
        f"With {spoken(best)} validation accuracy is {'higher' if effect.estimate >= 0 else 'lower'} by {size(effect)} "
        f"and training accuracy {'higher' if fitted.estimate >= 0 else 'lower'} by {points(abs(fitted.estimate))}, "
        f"where the clean gap was {points(gap)}."
    )


def _stronger(without: FitRecord, positions: int) -> tuple[Remedy, ...]:
    """Dropout where it bites; where it already stands there, other means."""
    if positions > 1:
        return (
            Remedy(
                sentence="Move the dropout behind the pooling, where nothing averages it out: dropout_position = "
                "after_pooling.",
                changes={"model.dropout_position": "after_pooling"},
            ),
            Remedy(
                sentence="Drop out whole channels of the feature map: dropout_kind = spatial.",
                changes={"model.dropout_kind": "spatial"},
            ),
        )
    return (
        Remedy(
            sentence="Do without this dropout, and narrow the gap by a smaller head, augmentation or more images.",
            changes=without.changes,
        ),
    )
