"""Would another learning rate or more epochs do better, and does fine-tuning do worse than no fine-tuning?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sweep.diagnosis.probes.curves import falling, last_slope, turning
from sweep.diagnosis.probes.gains import Gain
from sweep.diagnosis.probes.interventions import bounded, greatest, remedy_of, spoken
from sweep.diagnosis.probes.paired_fits import (
    FITS_SOURCE,
    SHARED_IN_NATS,
    Groups,
    Yardstick,
    yardstick,
)
from sweep.diagnosis.statistics import effective_counts
from sweep.diagnosis.verdict import HARM, margin
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


def learning_rate(  # noqa: PLR0913 - what was tried, side by side
    baseline: FitRecord,
    *,
    lower: Sequence[FitRecord],
    higher: Sequence[FitRecord],
    longer: FitRecord | None,
    labels: IndexArray,
    groups: Groups | None = None,
    again: FitRecord | None = None,
    best: FitRecord | None = None,
    harm: float = HARM,
) -> Finding:
    """How much validation accuracy, or cross-entropy, another learning rate or more epochs gain (T19).

    A rate that is far too high may cost no accuracy: answers are then as often right, and endlessly sure of themselves.
    So where accuracy shows no gain, and cross-entropy does, the effect is what is saved of it, in nats. The same goes
    where no fit is better than naming the most frequent class, and accuracy says nothing yet. P and interval hold for
    all fits and both measures at once (Bonferroni). Nats that the best epoch's weights save at the same rate are a
    matter of `last_epoch`, and do not count here.

    Args:
        baseline: the configuration in question.
        lower: the same with lower learning rates.
        higher: with higher ones.
        longer: the same with more epochs.
        labels: of the validation images, int64, shape (n_validation,).
        groups: source of every validation image.
        again: the baseline with other seeds.
        best: the baseline with the weights of its best epoch, where it keeps those of the last.
        harm: the harm margin, a share of the images.
    """
    given = {"lower": lower, "higher": higher, "longer": () if longer is None else (longer,)}
    every = [_Course(word=word, fit=fit) for word, fits in given.items() for fit in fits]
    if not every:
        return Finding.not_measured(Cause.LEARNING_RATE, "no other learning rate or number of epochs was trained")
    # Early stopping may end a longer training where it ended before: that is the baseline once more, and no try.
    tried = [one for one in every if not _same(one.fit, baseline)] or every
    measure = yardstick(baseline, again, groups)
    luck = None if again is None else _luck(baseline, again)
    unit, courses, gains = _decisive(measure, best, tried, luck=luck, labels=labels, groups=groups, harm=harm)
    chosen, p, effect = greatest(gains, beside=len(tried))
    first = courses[chosen]
    return Finding(
        cause=Cause.LEARNING_RATE,
        effect=effect,
        unit=unit,
        p=p,
        images=gains[chosen].images,
        summary=_learning_rate_sentence(first.fit, effect, first.word, unit),
        evidence=_course(baseline)
        | {f"{one.fit.name} gains": gain.estimate for one, gain in zip(courses, gains, strict=True)}
        | {"trainings": measure.fit.seeds},
        remedies=_other_course(courses, chosen, gains),
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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Course:
    """A fit that is trained another way, and which way: a key of `_BETTER`."""

    word: str
    fit: FitRecord


def _decisive(
    measure: Yardstick,
    best: FitRecord | None,
    tried: Sequence[_Course],
    *,
    luck: float | None,
    labels: IndexArray,
    groups: Groups | None,
    harm: float,
) -> tuple[Unit, Sequence[_Course], list[Gain]]:
    """What is gained in the unit that tells: accuracy, unless nats alone show a gain or all fits are at chance.

    Args:
        measure: the baseline.
        best: the baseline with the weights of its best epoch.
        tried: at least one.
        luck: see `_luck`; of the baseline.
        labels: of the validation images.
        groups: source of every validation image.
        harm: the harm margin, a share of the images.
    """
    in_shares = [measure.accuracy_gained(one.fit, groups) for one in tried]
    saving = Yardstick(fit=best) if best is not None else measure
    finite = [one for one in tried if not np.isnan(one.fit.cross_entropy).any()]
    if not finite or np.isnan(saving.fit.cross_entropy).any():
        return Unit.ACCURACY, tried, in_shares
    in_nats = [_saved(saving, one.fit, luck if best is None else None, groups) for one in finite]
    classes = len(np.unique(labels))
    gained, saved = (
        effect.low > 0 and effect.estimate >= margin(unit, harm, classes)
        for unit, (_, _, effect) in (
            (Unit.ACCURACY, greatest(in_shares, beside=len(tried))),
            (Unit.CROSS_ENTROPY, greatest(in_nats, beside=len(tried))),
        )
    )
    flat = _at_chance((measure.fit, *(one.fit for one in tried)), labels, groups)
    if flat or (saved and not gained):
        return Unit.CROSS_ENTROPY, finite, in_nats
    return Unit.ACCURACY, tried, in_shares


def _saved(saving: Yardstick, fit: FitRecord, luck: float | None, groups: Groups | None) -> Gain:
    """Nats; where a repetition tells how much of the scatter over images is luck, the rest is not taken for it.

    Answers that are twice as sure of themselves scatter twice as much, from image to image as from training to
    training: the fit's own luck is the baseline's by that measure.
    """
    kept, other = _stored(saving.fit), _stored(fit)
    gain = replace(saving, fit=kept).cross_entropy_saved(other, groups)
    spread = float(kept.cross_entropy.var())
    if luck is None or not spread:
        return gain
    of_means = luck * (1 / kept.seeds + float(other.cross_entropy.var()) / spread / other.seeds)
    return replace(
        gain,
        training_variance=min(gain.training_variance, saving.restless_in_nats * SHARED_IN_NATS * of_means),
    )


def _same(fit: FitRecord, baseline: FitRecord) -> bool:
    alike = np.array_equal(fit.correct, baseline.correct)
    return alike and np.array_equal(fit.cross_entropy, baseline.cross_entropy)


def _luck(baseline: FitRecord, again: FitRecord) -> float:
    """Variance, over images, of what the luck of a single training does to their cross-entropies."""
    differences = _stored(baseline).cross_entropy - _stored(again).cross_entropy
    return float(differences.var()) / (1 / baseline.seeds + 1 / again.seeds)


def _stored(fit: FitRecord) -> FitRecord:
    """Cross-entropies beyond float16's largest value were stored as infinite."""
    return replace(fit, cross_entropy=np.minimum(fit.cross_entropy, float(np.finfo(np.float16).max)))


def _course(baseline: FitRecord) -> dict[str, Scalar]:
    """How the curves run: whether training still falls at the end, whether validation falls or jumps."""
    slope = last_slope(baseline.train_curve)
    found = {} if slope is None else bounded("last_train_slope", slope)
    found["validation_not_falling_p"] = falling(baseline.validation_curve)
    found["validation_turns"] = turning(baseline.validation_curve)
    # Curves that are too short, or of a training that diverged, say nothing.
    return {name: value for name, value in found.items() if not math.isnan(float(value))}


def _learning_rate_sentence(best: FitRecord, effect: Interval, word: str, unit: Unit) -> str:
    if unit is Unit.CROSS_ENTROPY:
        change = "lower" if effect.estimate >= 0 else "higher"
        low, high = sorted((effect.low, effect.high)) if effect.estimate >= 0 else sorted((-effect.low, -effect.high))
        told = f"cross-entropy is {change} by {abs(effect.estimate):.3f} nats [{low:.3f}, {high:.3f}]"
    else:
        told = f"accuracy is {'higher' if effect.estimate >= 0 else 'lower'} by {size(effect)}"
    reading = f": {_BETTER[word]}" if effect.low > 0 else ""
    return f"With {spoken(best)} validation {told}{reading}."


def _other_course(courses: Sequence[_Course], chosen: int, gains: Sequence[Gain]) -> tuple[Remedy, ...]:
    """What was better, the surest first; a schedule instead of a lower rate."""
    others = [place for place, gain in enumerate(gains) if place != chosen and gain.estimate > 0]
    remedies = [remedy_of(courses[place].fit) for place in (chosen, *others)]
    if courses[chosen].word == "lower":
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
