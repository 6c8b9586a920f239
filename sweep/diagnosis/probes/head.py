"""Is the head too large, so that it learns images by heart, or too narrow, so that it cannot even fit them?

Both are answered by intervention: a smaller head, or one without hidden layers, is trained on the same features, and
both heads are judged on the same validation images.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sweep.diagnosis.probes.gains import Gain
from sweep.diagnosis.probes.interventions import bounded, credited, p_under, remedy_of, shared_level, spoken
from sweep.diagnosis.probes.masks import HiddenLayers, active_units, mask_arithmetic, narrowest
from sweep.diagnosis.probes.paired_fits import (
    FITS_SOURCE,
    Groups,
    Yardstick,
    accuracy_gained,
    yardstick,
)
from sweep.diagnosis.verdict import HARM
from sweep.diagnosis.wording import points, size
from sweep.records import Cause, Finding, FitRecord, IndexArray, Interval, Remedy, Scalar

__all__ = ["bottleneck", "capacity"]

ROOMY = 8
"""Active units a class from which on no layer is a bottleneck. Two rectified units for each let any linear map into as
many dimensions as classes pass; four times as many, since every mask leaves others of them."""
STRONGEST = 0.5
"""The strongest dropout that is advised: the rate that the method's authors use behind hidden layers."""

_TWO_CONDITIONS = (
    "two conditions in one test: R. L. Berger, Multiparameter hypothesis testing and acceptance sampling, "
    f"Technometrics 24 (1982); {FITS_SOURCE}"
)
_CAPACITY_SOURCE = (
    "C. Zhang et al., Understanding deep learning requires rethinking generalization, ICLR (2017), "
    "https://arxiv.org/abs/1611.03530; one-standard-error rule: L. Breiman et al., Classification and Regression "
    f"Trees (1984), section 3.4.3; {_TWO_CONDITIONS}"
)
_BOTTLENECK_SOURCE = (
    "N. Srivastava et al., Dropout, JMLR 15 (2014); L. Lu et al., Dying ReLU and initialization (2019), "
    f"https://arxiv.org/abs/1903.06733; {_TWO_CONDITIONS}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Smaller:
    """What a smaller head does: to validation accuracy, to the clean gap, and p that it does nothing good."""

    fit: FitRecord
    gained: Gain
    narrowed: Gain
    p: float


def capacity(
    baseline: FitRecord,
    smaller: Sequence[FitRecord],
    labels: IndexArray,
    *,
    train_images: int,
    permuted: FitRecord | None = None,
    groups: Groups | None = None,
    again: FitRecord | None = None,
    harm: float = HARM,
) -> Finding:
    """How much of the clean gap a smaller or more regularised head removes without losing validation accuracy (T15).

    The head is chosen among those whose validation accuracy is within one standard error of the best one's. It counts
    where a loss of `harm` on validation is ruled out (one-sided, 5 %); p is that of no narrower gap, times the number
    of heads, and large where such a loss is not ruled out.

    Args:
        baseline: the configuration in question.
        smaller: the same with a smaller or more regularised head.
        labels: of the validation images, int64, shape (n_validation,).
        train_images: on the training side.
        permuted: the baseline, trained on permuted labels: what it fits of them it has learnt by heart.
        groups: source of every validation image.
        again: the baseline with other seeds.
        harm: the harm margin, a share of the images.
    """
    if not smaller:
        return Finding.not_measured(Cause.CAPACITY, "no smaller head was trained")
    measure = yardstick(baseline, again, groups)
    tried = [_compared(fit, measure, train_images, groups, harm) for fit in smaller]
    ordered = sorted(_nearly_best(tried, measure, groups), key=lambda one: (one.p, -one.narrowed.estimate))
    chosen = ordered[0]
    effect = _greatest_narrowing(chosen, tried, harm)
    evidence = _capacity_evidence(chosen, measure.fit, train_images)
    evidence |= {"heads_tried": len(tried), "trainings": measure.fit.seeds}
    if permuted is not None:
        chance = float(np.bincount(labels).max()) / len(labels)
        evidence |= {"memorised": permuted.train_accuracy - chance, "chance": chance}
    return Finding(
        cause=Cause.CAPACITY,
        effect=effect,
        p=min(1.0, len(tried) * chosen.p),
        images=chosen.narrowed.images,
        summary=_capacity_sentence(chosen, measure.fit, train_images),
        evidence=evidence,
        remedies=tuple(remedy_of(one.fit) for one in ordered),
        source=_CAPACITY_SOURCE,
    )


def bottleneck(
    baseline: FitRecord,
    linear_head: FitRecord,
    hidden: HiddenLayers,
    *,
    train_images: int,
    probe_correct: NDArray[np.bool_] | None = None,
    groups: Groups | None = None,
    again: FitRecord | None = None,
    harm: float = HARM,
) -> Finding:
    """How much validation accuracy a head without hidden layers and dropout gains where it also fits training better.

    A head that is too large can lose to a linear one on validation as well (T15), but never fits less of the training
    images: that it does (one-sided, 5 %) is the condition of a bottleneck (T17). p is that of no gain on validation,
    and large where the condition is not shown.

    Args:
        baseline: the configuration in question.
        linear_head: the same without hidden layers and without dropout, on the same features.
        hidden: the hidden layers of the baseline.
        train_images: on the training side.
        probe_correct: what a ridge regression on the same features gets right, bool, shape (n_validation,).
        groups: source of every validation image.
        again: the baseline with other seeds.
        harm: the harm margin, a share of the images.
    """
    if not hidden.layers:
        return Finding.impossible(Cause.BOTTLENECK, "The head has no hidden layer that could be too narrow.")
    dead = baseline.dead_units
    active, layer = min(active_units(hidden, dead)), hidden.layers[narrowest(hidden, dead)]
    if active >= ROOMY * hidden.classes:
        return Finding.impossible(
            Cause.BOTTLENECK,
            f"No hidden layer is narrow: each has {active:.0f} active units or more for {hidden.classes} classes.",
        )
    measure = yardstick(baseline, again, groups)
    gained, short = (
        measure.accuracy_gained(linear_head, groups),
        measure.train_accuracy_gained(linear_head, train_images),
    )
    evidence = _of_both(measure.fit, linear_head) | mask_arithmetic(*layer, hidden.classes)
    evidence |= {"narrowest_width": layer[0], "dropout_rate": layer[1]}
    evidence |= {"rank_at_most": min(width for width, _ in hidden.layers), "trainings": measure.fit.seeds}
    evidence |= {} if math.isnan(dead) else {"dead_units": dead}
    if probe_correct is not None:
        ridge = measure.accuracy_gained(np.asarray(probe_correct, dtype=np.float64), groups)
        evidence |= bounded("ridge_gains", ridge.interval())
    return Finding(
        cause=Cause.BOTTLENECK,
        effect=credited(gained.interval(), short, least=harm),
        p=p_under(gained.above(), short.above()),
        images=gained.images,
        summary=_bottleneck_sentence(gained, short, layer, active),
        evidence=evidence,
        remedies=_wider(linear_head, hidden),
        source=_BOTTLENECK_SOURCE,
    )


def _compared(fit: FitRecord, measure: Yardstick, train_images: int, groups: Groups | None, harm: float) -> _Smaller:
    gained = measure.accuracy_gained(fit, groups)
    narrowed = gained.plus(measure.train_accuracy_gained(fit, train_images).turned())
    return _Smaller(fit=fit, gained=gained, narrowed=narrowed, p=p_under(narrowed.above(), gained.above(-harm)))


def _nearly_best(tried: Sequence[_Smaller], measure: Yardstick, groups: Groups | None) -> Sequence[_Smaller]:
    """Those within one standard error of the best on validation, the baseline included; all where there is none."""
    best = max((measure.fit, *(one.fit for one in tried)), key=lambda fit: float(fit.correct.mean()))

    def near(fit: FitRecord) -> bool:
        lost = accuracy_gained(best, fit, groups=groups, restless=measure.restless)
        return lost.estimate <= lost.error

    return [one for one in tried if near(one.fit)] or tried


def _greatest_narrowing(chosen: _Smaller, tried: Sequence[_Smaller], harm: float) -> Interval:
    """What the chosen head removes; from above, what any head removes that is not shown to lose validation accuracy."""
    level = shared_level(len(tried))
    narrowings = [credited(one.narrowed.interval(level), one.gained, least=-harm, threshold=-harm) for one in tried]
    own = narrowings[tried.index(chosen)]
    return Interval(estimate=own.estimate, low=own.low, high=max(one.high for one in narrowings))


def _capacity_evidence(chosen: _Smaller, baseline: FitRecord, train_images: int) -> dict[str, Scalar]:
    return {
        "clean_gap": baseline.train_accuracy - float(baseline.correct.mean()),
        "clean_gap_smaller": chosen.fit.train_accuracy - float(chosen.fit.correct.mean()),
        "parameters_per_image": baseline.trainable_parameters / train_images,
        "parameters_per_image_smaller": chosen.fit.trainable_parameters / train_images,
        **bounded("validation_gained", chosen.gained.interval()),
    }


def _capacity_sentence(chosen: _Smaller, baseline: FitRecord, train_images: int) -> str:
    evidence = _capacity_evidence(chosen, baseline, train_images)
    narrowed, gained = chosen.narrowed.interval(), chosen.gained.interval()
    return (
        f"With {spoken(chosen.fit)} the head has {evidence['parameters_per_image_smaller']:.3g} instead of "
        f"{evidence['parameters_per_image']:.3g} parameters for each training image; the clean gap is "
        f"{'narrower' if narrowed.estimate >= 0 else 'wider'} by {size(narrowed)}, and validation accuracy "
        f"{'higher' if gained.estimate >= 0 else 'lower'} by {size(gained)}."
    )


def _of_both(baseline: FitRecord, linear_head: FitRecord) -> dict[str, Scalar]:
    return {
        "train_accuracy": baseline.train_accuracy,
        "train_accuracy_linear": linear_head.train_accuracy,
        "validation_accuracy": float(baseline.correct.mean()),
        "validation_accuracy_linear": float(linear_head.correct.mean()),
    }


def _bottleneck_sentence(gained: Gain, short: Gain, layer: tuple[int, float], active: float) -> str:
    interval, (width, rate) = gained.interval(), layer
    return (
        f"About {active:.2g} of the narrowest layer's {width} units are active under dropout {rate:g}; with a head "
        f"without hidden layers and dropout validation accuracy is {'higher' if interval.estimate >= 0 else 'lower'} "
        f"by {size(interval)}, and training accuracy {'higher' if short.estimate >= 0 else 'lower'} by "
        f"{points(abs(short.estimate))}."
    )


def _wider(linear_head: FitRecord, hidden: HiddenLayers) -> tuple[Remedy, ...]:
    """The head that was tried first, then milder changes to the one that there is."""
    he_uniform = Remedy(
        sentence="Draw the first weights with he_uniform, under which fewer rectified units die.",
        changes={"model.kernel_initializer": "he_uniform"},
    )
    if not hidden.widths:
        return remedy_of(linear_head), he_uniform
    rate = min(STRONGEST, max(hidden.rates))
    enough = math.ceil(ROOMY * hidden.classes / (1 - rate))
    changes: dict[str, Scalar] = {"model.head_width": "-".join(str(max(width, enough)) for width in hidden.widths)}
    sentence = f"Set head_width = {changes['model.head_width']}"
    if rate:
        changes["model.dropout"] = rate
        sentence += f" and dropout = {rate:g}"
    return remedy_of(linear_head), Remedy(sentence=f"{sentence}.", changes=changes), he_uniform
