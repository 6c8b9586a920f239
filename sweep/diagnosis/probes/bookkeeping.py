"""Numbers that are logged of other images, or of another loss, than they are held against: arithmetic, no test.

What is logged of validation may be of augmented images or of a few batches; what is logged of training, of a part of
the images or of images in the order of their files; a loss may hold penalties, class weights, smoothed or mixed labels
on one side only. Each is recomputed from the clean numbers of the same weights.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc

from sweep.diagnosis.verdict import HARM, SIGNIFICANCE
from sweep.diagnosis.waterfall import waterfall
from sweep.diagnosis.wording import percent, points
from sweep.records import Cause, Finding, Interval, Measurement, Remedy, Scalar, Unit

__all__ = ["bookkeeping"]

FloatArray = NDArray[np.float64]

_LOSS_TERMS = ("validation_pipeline", "penalty", "class_weights")
_LEAST_TOLD = 0.005  # nats that round to 0.00 are not told
_SOURCE = (
    "Keras FAQ, keras.io/getting_started/faq, on training loss, regularization and validation_split; label counts: "
    "K. Pearson's chi-square test of homogeneity, Philosophical Magazine 50 (1900)"
)


def bookkeeping(
    measurement: Measurement,
    configuration: Mapping[str, Scalar],
    *,
    validation_counts: ArrayLike | None = None,
    train_counts: ArrayLike | None = None,
    steps_coverage: float | None = None,
    harm: float = HARM,
) -> Finding:
    """By how much the reported gap is off because its two numbers are kept in different ways.

    In accuracy the effect is the largest of these facts, since they may cancel: the validation pipeline; what an epoch
    that sees a share of the images leaves open; in an unshuffled training, by how much the mean over the epoch's
    batches, which the weights have just seen, lies above the same weights on all images; and the validation images of
    classes that training does not have. In nats it is the sum of what the two losses have of their own, without sign,
    for it is their sum that a reported gap shows. The effect has the unit in which it is more of its margin; both are
    in the evidence. Bounds differ where a fact is known to a bound only: images in the order of their files of which an
    epoch skips some, or sides whose labels differ by more than chance (chi-square, p < 0.01) in shares of which it is
    not known what they cost.

    Args:
        measurement: with or without modes.
        configuration: every field of [model] and [training], flat, in the notation of the database.
        validation_counts: images of each class on the validation side, shape (num_classes,).
        train_counts: the same of training; without both, cross-entropies have no margin and are evidence alone.
        steps_coverage: share of the training images that an epoch sees; None: as `steps_per_epoch` says.
        harm: the harm margin, a share of the images.
    """
    terms = {term.name: term for term in waterfall(measurement, "accuracy").terms}
    pipeline = terms["validation_pipeline"]
    change = 0.0 if pipeline.unchanged else pipeline.interval.estimate
    if not math.isfinite(change):
        return Finding.not_measured(Cause.BOOKKEEPING, "the validation accuracy that Keras logs was not recorded")
    lag = next(terms[name].interval.estimate for name in ("epoch_lag", "training_mode") if name in terms)
    facts = [
        _of_pipeline(measurement, configuration, change),
        _of_order(configuration, lag),
        _of_coverage(measurement, configuration, steps_coverage),
    ]
    classes = 0
    if validation_counts is not None and train_counts is not None:
        counts = np.asarray([validation_counts, train_counts], dtype=np.float64)
        facts.append(_of_sides(counts))
        classes = counts.shape[1]
    told = sorted((fact for fact in facts if fact.misstated.high > 0), key=lambda fact: -fact.misstated.estimate)
    loss = _Loss.of(measurement)
    effect = Interval(
        estimate=max(fact.misstated.estimate for fact in facts),
        low=max(fact.misstated.low for fact in facts),
        high=max(fact.misstated.high for fact in facts),
    )
    in_nats = classes > 1 and loss.carries_more(effect, harm, harm * math.log(classes))
    harmful = loss.exact if in_nats else effect
    clauses = [fact.said for fact in told] + ([loss.said] if loss.exact.estimate >= _LEAST_TOLD else [])
    summary = "; ".join(clauses) or "both sides are logged alike, but for what training switches on"
    return Finding(
        cause=Cause.BOOKKEEPING,
        effect=harmful,
        unit=Unit.CROSS_ENTROPY if in_nats else Unit.ACCURACY,
        p=0.0 if harmful.low > 0 else 1.0,
        exact=True,
        summary=f"{summary[0].upper()}{summary[1:]}.",
        evidence={
            "misstated_accuracy": effect.estimate,
            **loss.evidence,
            **{name: value for fact in facts for name, value in fact.evidence.items()},
        },
        remedies=(*(remedy for fact in told for remedy in fact.remedies), *loss.remedies),
        source=_SOURCE,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fact:
    """One way in which the two accuracies are kept differently.

    Attributes:
        misstated: how much of the gap that makes, a share of the images.
        said: a clause with its numbers.
    """

    misstated: Interval
    said: str
    evidence: Mapping[str, Scalar]
    remedies: tuple[Remedy, ...]


# ---- accuracies ----------------------------------------------------------------------------------------------------


def _of_pipeline(measurement: Measurement, configuration: Mapping[str, Scalar], change: float) -> _Fact:
    """What validation logs of its own: measured at the kept epoch, or what so few batches are off by on average."""
    usual = _usual_error(measurement, configuration)
    said = (
        f"validation is logged at {percent(measurement.logged_validation_accuracy)} where all its images, clean, "
        f"give {percent(measurement.validation_accuracy)}"
    )
    if usual > abs(change):
        said += f"; so few of them are off by {points(usual)} points on average"
    return _Fact(
        misstated=_exactly(max(abs(change), usual)),
        said=said,
        evidence={"validation_pipeline": change, "validation_pipeline_on_average": usual},
        remedies=tuple(_for_pipeline(configuration)),
    )


def _usual_error(measurement: Measurement, configuration: Mapping[str, Scalar]) -> float:
    """Mean absolute error of an accuracy over as many images, drawn without replacement, as are logged."""
    images = measurement.validation_images
    seen = int(configuration.get("validation_steps", 0)) * int(configuration.get("batch_size", 0))
    if not 0 < seen < images:
        return 0.0
    accuracy = measurement.validation_accuracy
    return math.sqrt(2 / math.pi * accuracy * (1 - accuracy) / seen * (1 - seen / images))


def _for_pipeline(configuration: Mapping[str, Scalar]) -> Iterator[Remedy]:
    augmented, partial = configuration.get("augment_validation") is True, configuration.get("validation_steps", 0)
    if augmented:
        yield Remedy(sentence="Do not augment validation.", changes={"training.augment_validation": False})
    if partial:
        yield Remedy(sentence="Validate on every image.", changes={"training.validation_steps": 0})
    if not (augmented or partial):
        yield Remedy(sentence="Log validation on all of its images, clean.")


def _of_coverage(measurement: Measurement, configuration: Mapping[str, Scalar], given: float | None) -> _Fact:
    """Expected absolute error of a mean over the images that an epoch sees, out of all that there are.

    Source: W. G. Cochran, Sampling Techniques, 3rd ed. (1977), section 2.6, and the mean absolute deviation of a normal
    variable, sqrt(2 / pi) of its standard deviation.
    """
    share, images, accuracy = _coverage(measurement, configuration, given), measurement.train_images, 0.0
    if 0 < share < 1:
        spread = measurement.train_accuracy * (1 - measurement.train_accuracy)
        accuracy = math.sqrt(2 / math.pi * max(0.0, spread) * (1 - share) / (share * images))
    # In the order of the files what is skipped are whole classes, of which nothing is known.
    high = accuracy if configuration.get("shuffle") is not False else max(accuracy, 1 - share)
    steps = {"training.steps_per_epoch": 0} if configuration.get("steps_per_epoch") else {}
    return _Fact(
        misstated=Interval(estimate=accuracy, low=accuracy, high=high),
        said=f"an epoch sees {percent(share)} of the training images, which alone is {points(accuracy)} points"
        + (f" and may be up to {points(high)}" if high > accuracy else ""),
        evidence={"epoch_coverage": share, "coverage_error": accuracy},
        remedies=(Remedy(sentence="Let every epoch see all training images.", changes=steps),),
    )


def _coverage(measurement: Measurement, configuration: Mapping[str, Scalar], given: float | None) -> float:
    if given is not None:
        return given
    steps, size = configuration.get("steps_per_epoch", 0), configuration.get("batch_size", 0)
    if not (isinstance(steps, int) and isinstance(size, int) and steps and size):
        return 1.0
    return min(1.0, steps * size / measurement.train_images)


def _of_order(configuration: Mapping[str, Scalar], lag: float) -> _Fact:
    shuffled = configuration.get("shuffle") is not False
    above = 0.0 if shuffled or not lag > 0 else lag
    return _Fact(
        misstated=_exactly(above),
        said=f"the images come in the order of their files, and the mean over the epoch's batches, {points(above)} "
        "points above the same weights on all images, praises what was just seen",
        evidence={"shuffled": shuffled},
        remedies=(Remedy(sentence="Shuffle the training images.", changes={"training.shuffle": True}),),
    )


def _of_sides(counts: FloatArray) -> _Fact:
    """Of class counts, validation above training, shape (2, num_classes)."""
    validation, train = counts / counts.sum(axis=1, keepdims=True)
    unseen = float(validation[train == 0].sum())
    distance = float(np.abs(validation - train).sum() / 2)
    p = _chi_square(counts)
    return _Fact(
        misstated=Interval(estimate=unseen, low=unseen, high=max(unseen, distance if p < SIGNIFICANCE else 0.0)),
        said=f"{percent(unseen)} of the validation images are of classes that training does not have"
        if unseen
        else f"the classes are shared out differently on the two sides, by {percent(distance)} of the images",
        evidence={"unseen_classes": unseen, "label_distance": distance, "label_p": p},
        remedies=(Remedy(sentence="Split anew, class by class: not by the order of the files."),),
    )


def _chi_square(counts: FloatArray) -> float:
    """One-sided p of the same distribution of classes on both sides."""
    kept = counts[:, counts.sum(axis=0) > 0]
    expected = kept.sum(axis=1, keepdims=True) * kept.sum(axis=0) / kept.sum()
    statistic = float(((kept - expected) ** 2 / expected).sum())
    freedom = kept.shape[1] - 1
    return float(chdtrc(freedom, statistic)) if freedom else 1.0


def _exactly(value: float) -> Interval:
    return Interval(estimate=value, low=value, high=value)


# ---- losses --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loss:
    """What the two logged losses have of their own, nats, by term of the waterfall; nothing where not recorded."""

    terms: Mapping[str, float]

    @classmethod
    def of(cls, measurement: Measurement) -> _Loss:
        found = {term.name: term for term in waterfall(measurement, "cross_entropy").terms if term.name in _LOSS_TERMS}
        same = found["validation_pipeline"].unchanged
        nats = {name: term.interval.estimate for name, term in found.items()}
        if same:
            nats["validation_pipeline"] = 0.0
        return cls(terms=nats if all(map(math.isfinite, nats.values())) else {})

    @property
    def exact(self) -> Interval:
        """By how much the reported gap of the losses is off."""
        return _exactly(abs(sum(self.terms.values())))

    def carries_more(self, accuracy: Interval, accuracy_margin: float, nats_margin: float) -> bool:
        """Whether the harm lies rather here, and no accuracy that is known to a bound only is passed over for less."""
        ours = self.exact.estimate / nats_margin
        return ours > accuracy.estimate / accuracy_margin and (ours >= 1 or accuracy.high < accuracy_margin)

    @property
    def said(self) -> str:
        rows = ", ".join(f"{name.replace('_', ' ')} {value:+.2f}" for name, value in self.terms.items())
        return f"the reported gap of the losses is off by {self.exact.estimate:.2f} nats ({rows})".replace("-", "−")

    @property
    def evidence(self) -> Mapping[str, Scalar]:
        return {"misstated_nats": self.exact.estimate, **{f"{name}_nats": value for name, value in self.terms.items()}}

    @property
    def remedies(self) -> tuple[Remedy, ...]:
        if self.exact.estimate < _LEAST_TOLD:
            return ()
        return (Remedy(sentence="Compare clean cross-entropies, without penalties, class weights and mixed labels."),)
