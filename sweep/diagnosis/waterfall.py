"""The reported gap as a sum of named terms, from what Keras logs to what is clean.

Between the logged train number E0 and the logged validation number E6 stand E1 (the kept weights, everything that
training switches on), E2 (no dropout), E3 (no augmentation either), E4 (batch norm on its moving statistics: clean) and
E5 (validation, clean). Neighbours differ in one thing each, and their differences sum to the reported gap identically.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sweep.diagnosis.statistics import cross_entropy_gap_interval, effective_counts, gap_interval
from sweep.diagnosis.switching import SWITCHES, contract_modes, ranges_over_orders
from sweep.diagnosis.validated import images_validated
from sweep.records import IndexArray, Interval, Measurement, ModeRecord, PredictionRecord

__all__ = ["Quantity", "Term", "Waterfall", "meaning", "waterfall"]

Quantity = Literal["accuracy", "cross_entropy"]
Groups = Sequence[Any] | NDArray[Any]

_NORMAL = NormalDist()
_MEANINGS = {
    "epoch_lag": "what the logged training number lags behind, a mean over an epoch in which the weights still moved",
    "dropout": "what dropout takes from the training numbers only",
    "augmentation": "what augmented images take from the training numbers only",
    "batch_norm": "what batch norm changes in the training numbers only, by using the statistics of each batch",
    "training_mode": "all by which the logged training number differs from the clean one: moving weights, dropout, "
    "augmentation and batch norm, which could not be told apart",
    "clean_gap": "training against validation, both measured clean: what people mean by overfitting",
    "validation_pipeline": "what the logged validation number has of its own: augmented images, only some of them, or "
    "smoothed labels",
    "penalty": "the penalty in the loss: training logs its mean over the epoch, validation its value at the end",
    "class_weights": "what class weights, label smoothing and MixUp add to the training loss only",
}
# Two evaluations of the same images differ by rounding; augmented images move the mean by more.
_ROUNDING = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One step of the waterfall.

    Attributes:
        name: a stable word: "epoch_lag", "dropout", "augmentation", "batch_norm", "clean_gap", "validation_pipeline";
            of the cross-entropy also "penalty" and "class_weights"; "training_mode" in place of the first four where
            they could not be told apart.
        interval: a fraction or nats; positive terms widen the reported gap. Exact terms have no width.
        unchanged: why the term is 0 by construction, or why it is not what its name says; "" otherwise.
        order: least and greatest value of the term over all orders of switching dropout, augmentation and batch norm
            off; None where not every combination was measured or only one of them does anything.
    """

    name: str
    interval: Interval
    unchanged: str = ""
    order: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterfall:
    """The reported gap and the terms that sum to it.

    Attributes:
        quantity: "accuracy" (fractions) or "cross_entropy" (nats; what is reported is Keras' loss).
        reported_train, reported_validation: as Keras would have printed them at the selected epoch.
        terms: in the order of the waterfall.
        steps: "E0" to "E6" as far as measured, without penalty and what class weights, smoothing and MixUp add.
    """

    quantity: Quantity
    reported_train: float
    reported_validation: float
    terms: tuple[Term, ...]
    steps: Mapping[str, float]

    @property
    def reported_gap(self) -> float:
        """Positive where validation is worse: accuracy train minus validation, loss validation minus train."""
        return _worse(self.quantity, self.reported_train, self.reported_validation)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Validated:
    """What is known of the validation side: counts for `wilson`, and cross-entropies where they are stored."""

    counts: tuple[float, float]
    cross_entropy: NDArray[np.float64] | None
    groups: Groups | None


def waterfall(
    measurement: Measurement,
    quantity: Quantity,
    *,
    validation: PredictionRecord | None = None,
    labels: IndexArray | None = None,
    groups: Groups | None = None,
    images: int | None = None,
    level: float = 0.95,
) -> Waterfall:
    """Take the reported gap apart.

    What is uncertain differs from term to term. Epoch lag is a fact about this training but for the draws of E1.
    Dropout, augmentation and batch norm have the normal interval of the mean change, image by image. The clean gap has
    the sampling error of validation (`gap_interval`, `cross_entropy_gap_interval`). Penalty, weighting and training
    modes that are not told apart are exact. Of the validation pipeline two means over the same images are known, but
    not how the answers pair up: they are taken to depend on each other half as strongly as they can. So the variance of
    the change in accuracy lies halfway between the least that the two accuracies allow and that of unpaired images, and
    the interval of the change in cross-entropy is as wide as the clean gap's.

    Args:
        measurement: numbers that are not finite give terms that are not.
        quantity: of which gap.
        validation: predictions of the validation side at the selected epoch; used where there is one for every label.
        labels: int64, of the validation side in the order of the predictions.
        groups: source of every prediction, where they are grouped or images are predicted repeatedly.
        images: how many images the study validates, used without predictions; see `images_validated`.
        level: of the intervals.
    """
    validated = _validated(measurement, validation, labels, groups, images)
    modes = contract_modes(measurement.modes)
    steps = _steps(measurement, quantity, modes)
    terms = [
        *_training(measurement, quantity, steps, modes, level),
        Term(name="clean_gap", interval=_clean_gap(measurement, quantity, validated, level)),
        _pipeline(measurement, quantity, steps, validated, level),
        *(_loss_rows(measurement, level) if quantity == "cross_entropy" else ()),
    ]
    shares = quantity == "accuracy"
    return Waterfall(
        quantity=quantity,
        reported_train=measurement.logged_train_accuracy if shares else measurement.logged_train_loss,
        reported_validation=measurement.logged_validation_accuracy if shares else measurement.logged_validation_loss,
        terms=tuple(terms),
        steps=steps,
    )


def meaning(name: str) -> str:
    """What a term is, in plain English, to be read after its name.

    Raises:
        KeyError: there is no such term.
    """
    return _MEANINGS[name]


# ---- the steps -----------------------------------------------------------------------------------------------------


def _steps(measurement: Measurement, quantity: Quantity, modes: Sequence[ModeRecord]) -> Mapping[str, float]:
    one = measurement
    if quantity == "accuracy":
        ends = (one.logged_train_accuracy, one.train_accuracy, one.validation_accuracy, one.logged_validation_accuracy)
    else:
        ends = (
            one.logged_train_loss - _logged_penalty(one) - one.logged_weighting,
            one.train_cross_entropy,
            one.validation_cross_entropy,
            one.logged_validation_loss - one.penalty,
        )
    between = {f"E{place}": _value(mode, quantity) for place, mode in enumerate(modes, start=1)}
    return {"E0": ends[0], **between, "E4": ends[1], "E5": ends[2], "E6": ends[3]}


def _value(mode: ModeRecord, quantity: Quantity) -> float:
    return mode.accuracy if quantity == "accuracy" else mode.cross_entropy


def _worse(quantity: Quantity, first: float, second: float) -> float:
    """By how much the second number is worse than the first."""
    return first - second if quantity == "accuracy" else second - first


def _logged_penalty(measurement: Measurement) -> float:
    """The mean over the epoch; the value at its end where an earlier version did not record the mean."""
    return measurement.penalty if math.isnan(measurement.logged_penalty) else measurement.logged_penalty


# ---- the terms -----------------------------------------------------------------------------------------------------


def _training(
    measurement: Measurement,
    quantity: Quantity,
    steps: Mapping[str, float],
    modes: Sequence[ModeRecord],
    level: float,
) -> list[Term]:
    if not modes:
        change = _worse(quantity, steps["E0"], steps["E4"])
        reason = measurement.modes_reason or "its parts were not measured"
        return [Term(name="training_mode", interval=_normal(change, 0.0, level), unchanged=reason)]
    shares = quantity == "accuracy"
    noise = modes[0].accuracy_noise if shares else modes[0].cross_entropy_noise
    lag = _worse(quantity, steps["E0"], steps["E1"])
    ranges = ranges_over_orders(
        measurement.modes, steps["E4"], partial(_value, quantity=quantity), partial(_worse, quantity)
    )
    terms = [Term(name="epoch_lag", interval=_normal(lag, noise, level))]
    for place, (name, mode) in enumerate(zip(SWITCHES, modes, strict=True), start=1):
        change = _worse(quantity, steps[f"E{place}"], steps[f"E{place + 1}"])
        error = mode.accuracy_change_error if shares else mode.cross_entropy_change_error
        interval = _normal(change, 0.0 if mode.unchanged else error, level)
        terms.append(Term(name=name, interval=interval, unchanged=mode.unchanged, order=ranges.get(name)))
    return terms


def _clean_gap(measurement: Measurement, quantity: Quantity, validated: _Validated, level: float) -> Interval:
    """About the measured gap: predictions, stored in half precision, decide about the width alone."""
    if quantity == "accuracy":
        found = gap_interval(measurement.train_accuracy, *validated.counts, level=level)
        return _shifted(found, measurement.gap_accuracy)
    estimate, nats = measurement.gap_cross_entropy, validated.cross_entropy
    if nats is None:
        return _normal(estimate, measurement.validation_cross_entropy_error, level)
    train = measurement.train_cross_entropy
    return _shifted(cross_entropy_gap_interval(train, nats, groups=validated.groups, level=level), estimate)


def _pipeline(
    measurement: Measurement, quantity: Quantity, steps: Mapping[str, float], validated: _Validated, level: float
) -> Term:
    change = _worse(quantity, steps["E5"], steps["E6"])
    if _same_pipeline(measurement):
        reason = "validation is logged on the same clean images"
        return Term(name="validation_pipeline", interval=_normal(change, 0.0, level), unchanged=reason)
    if quantity == "cross_entropy":
        interval = _shifted(_clean_gap(measurement, quantity, validated, level), change)
    else:
        clean, logged = steps["E5"], steps["E6"]
        unpaired = clean * (1 - clean) + logged * (1 - logged)
        narrowest = abs(change) - change**2
        # An earlier version stored means of ones that lie a rounding above 1.
        error = math.sqrt(max(0.0, unpaired + narrowest) / 2 / validated.counts[1])
        interval = _normal(change, error, level)
    return Term(name="validation_pipeline", interval=interval)


def _same_pipeline(measurement: Measurement) -> bool:
    """Judged by cross-entropy, which hardly any augmented image leaves alone."""
    logged = measurement.logged_validation_loss
    return abs(logged - measurement.penalty - measurement.validation_cross_entropy) <= _ROUNDING * max(1, abs(logged))


def _loss_rows(measurement: Measurement, level: float) -> tuple[Term, Term]:
    penalty = measurement.penalty - _logged_penalty(measurement)
    if math.isnan(measurement.logged_penalty):
        said = "taken as at the end of the epoch, since its mean over the epoch was not recorded"
    else:
        said = "" if measurement.penalty or penalty else "no penalty"
    weighted = "" if measurement.logged_weighting else "no class weights, label smoothing or MixUp"
    return (
        Term(name="penalty", interval=_normal(penalty, 0.0, level), unchanged=said),
        Term(name="class_weights", interval=_normal(-measurement.logged_weighting, 0.0, level), unchanged=weighted),
    )


# ---- the validation side -------------------------------------------------------------------------------------------


def _validated(
    measurement: Measurement,
    prediction: PredictionRecord | None,
    labels: IndexArray | None,
    groups: Groups | None,
    images: int | None,
) -> _Validated:
    if prediction is None or labels is None or len(prediction.predicted) != len(labels):
        seen = images_validated(measurement.validation_images, measurement.folds, images)
        right = min(measurement.validation_accuracy * seen, seen)
        return _Validated(counts=(right, seen), cross_entropy=None, groups=None)
    # Beyond float16's largest value cross-entropies were stored as infinite.
    nats = np.minimum(prediction.cross_entropy.astype(np.float64), float(np.finfo(np.float16).max))
    counts = effective_counts(prediction.predicted == labels, groups)
    return _Validated(counts=counts, cross_entropy=nats, groups=groups)


def _normal(estimate: float, error: float, level: float) -> Interval:
    half = _NORMAL.inv_cdf((1 + level) / 2) * error if error else 0.0
    return Interval(estimate=estimate, low=estimate - half, high=estimate + half, level=level)


def _shifted(interval: Interval, estimate: float) -> Interval:
    """The same widths about another estimate."""
    return Interval(
        estimate=estimate,
        low=estimate - (interval.estimate - interval.low),
        high=estimate + (interval.high - interval.estimate),
        level=interval.level,
    )
