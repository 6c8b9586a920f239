"""Would another learning rate or more epochs do better, and does fine-tuning do worse than no fine-tuning?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sweep.diagnosis.probes.curves import falling, last_slope, turning
from sweep.diagnosis.probes.gains import Gain
from sweep.diagnosis.probes.interventions import bounded, greatest, remedy_of, spoken
from sweep.diagnosis.probes.paired_fits import (
    FITS_SOURCE,
    Groups,
    yardstick,
)
from sweep.diagnosis.statistics import effective_counts
from sweep.diagnosis.wording import percent, size
from sweep.records import Cause, Finding, FitRecord, IndexArray, Interval, Remedy, Scalar, Unit

__all__ = ["distortion", "learning_rate"]

_LEARNING_RATE_SOURCE = (
    "L. N. Smith, Cyclical learning rates for training neural networks, WACV (2017), https://arxiv.org/abs/1506.01186; "
    f"slopes: P. K. Sen, JASA 63 (1968); {FITS_SOURCE}"
)
_DISTORTION_SOURCE = (
    "A. Kumar et al., Fine-tuning can distort pretrained features and underperform out-of-distribution, ICLR (2022), "
    f"https://arxiv.org/abs/2202.10054; {FITS_SOURCE}"
)
_BETTER = {
    "lower": "the learning rate is too high",
    "higher": "the learning rate is too low",
    "longer": "training is too short",
}


def learning_rate(
    baseline: FitRecord,
    *,
    lower: FitRecord | None,
    higher: FitRecord | None,
    longer: FitRecord | None,
    labels: IndexArray,
    groups: Groups | None = None,
    again: FitRecord | None = None,
) -> Finding:
    """How much validation accuracy another learning rate, or more epochs, gains (T19).

    Where no fit is better than naming the most frequent class, accuracy says nothing yet, and the effect is the
    cross-entropy saved, in nats.

    Args:
        baseline: the configuration in question.
        lower: the same with a lower learning rate.
        higher: with a higher one.
        longer: the same with more epochs.
        labels: of the validation images, int64, shape (n_validation,).
        groups: source of every validation image.
        again: the baseline with other seeds.
    """
    given = {"lower": lower, "higher": higher, "longer": longer}
    tried = {word: fit for word, fit in given.items() if fit is not None}
    if not tried:
        return Finding.not_measured(Cause.LEARNING_RATE, "no other learning rate or number of epochs was trained")
    measure = yardstick(baseline, again, groups)
    fits = (measure.fit, *tried.values())
    flat = _at_chance(fits, labels, groups) and all(np.isfinite(fit.cross_entropy).all() for fit in fits)
    compared = measure.cross_entropy_saved if flat else measure.accuracy_gained
    gains = [compared(fit, groups) for fit in tried.values()]
    chosen, p, effect = greatest(gains)
    word, best = list(tried.items())[chosen]
    return Finding(
        cause=Cause.LEARNING_RATE,
        effect=effect,
        unit=Unit.CROSS_ENTROPY if flat else Unit.ACCURACY,
        p=p,
        images=gains[chosen].images,
        summary=_learning_rate_sentence(best, effect, word, flat=flat),
        evidence=_course(baseline)
        | {f"{name}_gains": gain.estimate for name, gain in zip(tried, gains, strict=True)}
        | {"trainings": measure.fit.seeds},
        remedies=_other_course(tried, word, gains),
        source=_LEARNING_RATE_SOURCE,
    )


def distortion(
    fine_tuned: FitRecord,
    probe: FitRecord | NDArray[np.bool_] | None,
    *,
    unfrozen_layers: int,
    learning_rate: float,
    head_epochs: int = 0,
    groups: Groups | None = None,
    again: FitRecord | None = None,
) -> Finding:
    """How much validation accuracy a linear head on the frozen features has over the fine-tuned network (T21).

    Args:
        fine_tuned: the configuration in question.
        probe: a linear head on the frozen features as a fit, or what a ridge regression on them gets right, bool,
            shape (n_validation,).
        unfrozen_layers: of the configuration.
        learning_rate: of the configuration.
        head_epochs: of the configuration.
        groups: source of every validation image.
        again: the configuration with other seeds.
    """
    if not unfrozen_layers:
        return Finding.impossible(Cause.DISTORTION, "Nothing of the backbone is trained.")
    if probe is None:
        return Finding.not_measured(Cause.DISTORTION, "no linear head was trained on the frozen features")
    measure = yardstick(fine_tuned, again, groups)
    first = probe if isinstance(probe, FitRecord) else np.asarray(probe, dtype=np.float64)
    gained = measure.accuracy_gained(first, groups)
    interval = gained.interval()
    validation = float(measure.fit.correct.mean())
    return Finding(
        cause=Cause.DISTORTION,
        effect=interval,
        p=gained.above(),
        images=gained.images,
        summary=f"With {unfrozen_layers} layers unfrozen validation accuracy is {percent(validation)}, and a linear "
        f"head on the frozen features is {'better' if interval.estimate >= 0 else 'worse'} by {size(interval)}.",
        evidence={
            "validation_accuracy": validation,
            "validation_accuracy_frozen": validation + gained.estimate,
            "train_accuracy": measure.fit.train_accuracy,
            "unfrozen_layers": unfrozen_layers,
            "trainings": measure.fit.seeds,
        },
        remedies=_gentler(len(fine_tuned.train_curve), unfrozen_layers, learning_rate, head_epochs),
        source=_DISTORTION_SOURCE,
    )


def _at_chance(fits: Sequence[FitRecord], labels: IndexArray, groups: Groups | None) -> bool:
    """Whether no fit is more than a standard error better than always naming the most frequent class."""
    prior = float(np.bincount(labels).max()) / len(labels)
    for fit in fits:
        error = math.sqrt(prior * (1 - prior) / effective_counts(fit.correct, groups)[1])
        if float(fit.correct.mean()) > prior + error:
            return False
    return True


def _course(baseline: FitRecord) -> dict[str, Scalar]:
    """How the curves run: whether training still falls at the end, whether validation falls or jumps."""
    slope = last_slope(baseline.train_curve)
    found = {} if slope is None else bounded("last_train_slope", slope)
    found["validation_not_falling_p"] = falling(baseline.validation_curve)
    found["validation_turns"] = turning(baseline.validation_curve)
    # Curves that are too short, or of a training that diverged, say nothing.
    return {name: value for name, value in found.items() if not math.isnan(float(value))}


def _learning_rate_sentence(best: FitRecord, effect: Interval, word: str, *, flat: bool) -> str:
    if flat:
        change = "lower" if effect.estimate >= 0 else "higher"
        low, high = sorted((effect.low, effect.high)) if effect.estimate >= 0 else sorted((-effect.low, -effect.high))
        told = f"cross-entropy is {change} by {abs(effect.estimate):.3f} nats [{low:.3f}, {high:.3f}]"
    else:
        told = f"accuracy is {'higher' if effect.estimate >= 0 else 'lower'} by {size(effect)}"
    reading = f": {_BETTER[word]}" if effect.low > 0 else ""
    return f"With {spoken(best)} validation {told}{reading}."


def _other_course(tried: Mapping[str, FitRecord], word: str, gains: Sequence[Gain]) -> tuple[Remedy, ...]:
    """What was better, the surest first; a schedule instead of a lower rate."""
    others = [name for name, gain in zip(tried, gains, strict=True) if name != word and gain.estimate > 0]
    remedies = [remedy_of(tried[name]) for name in (word, *others)]
    if word == "lower":
        falls = Remedy(
            sentence="Let the learning rate fall: schedule = cosine.", changes={"training.schedule": "cosine"}
        )
        remedies.insert(1, falls)
    return tuple(remedies)


def _gentler(epochs: int, unfrozen_layers: int, rate: float, head_epochs: int) -> tuple[Remedy, ...]:
    """The head first, then smaller steps, then fewer layers."""
    head_first = max(1, epochs // 2)
    lower, fewer = rate / 10, unfrozen_layers // 2
    remedies = [
        Remedy(
            sentence=f"Divide the learning rate by ten: learning_rate = {lower:g}.",
            changes={"training.learning_rate": lower},
        ),
        Remedy(
            sentence=f"Train fewer layers of the backbone: unfrozen_layers = {fewer}.",
            changes={"model.unfrozen_layers": fewer},
        ),
    ]
    if not head_epochs and epochs > 1:
        alone = Remedy(
            sentence=f"Train the head alone first: head_epochs = {head_first}.",
            changes={"training.head_epochs": head_first},
        )
        remedies.insert(0, alone)
    return tuple(remedies)
