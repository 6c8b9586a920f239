"""The probes of one trial: what its records say, and what short trainings of its configuration add."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from sweep.diagnosis.probes.bookkeeping import bookkeeping
from sweep.diagnosis.probes.classes import class_bias
from sweep.diagnosis.probes.confusable import confusable_classes
from sweep.diagnosis.probes.fitting import distortion, learning_rate
from sweep.diagnosis.probes.head import bottleneck, capacity
from sweep.diagnosis.probes.masks import HiddenLayers
from sweep.diagnosis.probes.modes import batch_norm, training_mode
from sweep.diagnosis.probes.not_training import not_training
from sweep.diagnosis.probes.regularizers import idle_dropout, over_regularized
from sweep.diagnosis.probes.selection import best_of_many, last_epoch
from sweep.diagnosis.probes.validation_size import small_validation
from sweep.records import Cause, Finding, IndexArray, Measurement, PredictionRecord, Scalar, Split
from sweep.report.gather import Report
from sweep.report.sides import LabelledImages
from sweep.studyfile.definition import Configuration, StudyDefinition
from sweep.workflow.shielded import Probe, probed

if TYPE_CHECKING:
    from sweep.workflow.fits import Fits  # which loads TensorFlow

__all__ = ["Trained", "probe_choice", "probe_fits", "probe_records", "trained"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trained:
    """One trial and its validation side.

    Attributes:
        flat: every field of [model] and [training], in the notation of the database.
        prediction: of the validation side at the kept weights, or None where it is not stored.
        labels, groups: of every prediction; groups are None where images are independent.
        positions: of every prediction's image in the study's index.
        train_counts, validation_counts: images of each class.
        seed: of the study.
        harm: the harm margin.
    """

    measurement: Measurement
    flat: Mapping[str, Scalar]
    prediction: PredictionRecord | None
    labels: IndexArray | None
    groups: tuple[str, ...] | None
    positions: IndexArray | None
    train_counts: IndexArray
    validation_counts: IndexArray
    seed: int
    harm: float

    @property
    def num_classes(self) -> int:
        """Width of the output."""
        return len(self.train_counts)


def trained(report: Report, images: LabelledImages, definition: StudyDefinition, number: int) -> Trained | None:
    """A trial of a report as its probes want it, or None where it has no measurement.

    With folds the training side of each is what the validation side is made of too.
    """
    trial = next(one for one in report.trials if one.number == number)
    if trial.measurement is None:
        return None
    side, data = report.validation, report.study.data
    train, validation = (np.array(data.counts[one]) for one in (Split.TRAIN, Split.VALIDATION))
    rows = np.flatnonzero([split is Split.VALIDATION for _, split in images])
    prediction = report.predictions.get(number)
    stored = side is not None and prediction is not None and len(prediction.predicted) == len(side.labels)
    return Trained(
        measurement=trial.measurement,
        flat=trial.configuration,
        prediction=prediction if stored else None,
        labels=side.labels if side else None,
        groups=side.groups if side else None,
        positions=np.tile(rows, max(1, data.fold_repeats)),
        train_counts=train + validation if trial.measurement.folds else train,
        validation_counts=validation,
        seed=definition.search.seed,
        harm=definition.check.harm,
    )


def probe_records(one: Trained) -> tuple[Finding, ...]:
    """What a trial's records alone say."""
    return tuple(probed(cause, probe) for cause, probe in _of_records(one))


def probe_choice(report: Report) -> Finding:
    """What the choice among all trials of a study adds to rank 1's score."""
    choice = report.ranking.choice
    if choice is None:
        return probed(Cause.BEST_OF_MANY, lambda: best_of_many(None))
    return probed(
        Cause.BEST_OF_MANY,
        lambda: best_of_many(report.ranking.optimism, scores=choice.scores, select=choice.select, groups=choice.groups),
    )


def probe_fits(one: Trained, configuration: Configuration, fits: Fits) -> tuple[Finding, ...]:
    """What short trainings add; a cause that the records speak of too is judged by both together."""
    return tuple(probed(cause, probe) for cause, probe in _of_fits(one, configuration, fits))


def _of_records(one: Trained) -> Iterator[tuple[Cause, Probe]]:
    measurement = one.measurement
    yield Cause.TRAINING_MODE, lambda: training_mode(measurement)
    yield Cause.BATCH_NORM, lambda: batch_norm(measurement, configuration=one.flat, seed=one.seed)
    yield (
        Cause.BOOKKEEPING,
        lambda: bookkeeping(
            measurement,
            one.flat,
            validation_counts=one.validation_counts,
            train_counts=one.train_counts,
            harm=one.harm,
        ),
    )
    yield (
        Cause.LAST_EPOCH,
        lambda: last_epoch(measurement, one.flat, labels=one.labels, groups=one.groups, seed=one.seed),
    )
    if one.prediction is None or one.labels is None:
        for cause in (Cause.SMALL_VALIDATION, Cause.CLASS_BIAS, Cause.CONFUSABLE_CLASSES):
            yield cause, partial(Finding.not_measured, cause, "no predictions are stored")
        return
    yield from _of_predictions(one, one.prediction, one.labels)


def _of_predictions(one: Trained, prediction: PredictionRecord, labels: IndexArray) -> Iterator[tuple[Cause, Probe]]:
    predicted, measurement = prediction.predicted, one.measurement
    yield (
        Cause.SMALL_VALIDATION,
        lambda: small_validation(
            correct=predicted == labels,
            groups=one.groups,
            train_accuracy=measurement.train_accuracy,
            folds=measurement.folds,
            harm=one.harm,
        ),
    )
    yield (
        Cause.CLASS_BIAS,
        lambda: class_bias(
            predicted=predicted,
            labels=labels,
            num_classes=one.num_classes,
            counts_train=one.train_counts,
            groups=one.groups,
            positions=one.positions,
        ),
    )
    yield (
        Cause.CONFUSABLE_CLASSES,
        lambda: confusable_classes(
            predicted=predicted,
            labels=labels,
            num_classes=one.num_classes,
            cross_entropy=prediction.cross_entropy,
            train_accuracy=measurement.train_accuracy,
            groups=one.groups,
            positions=one.positions,
            seed=one.seed,
        ),
    )


# ---- short trainings -------------------------------------------------------------------------------------------------


def _of_fits(one: Trained, configuration: Configuration, fits: Fits) -> Iterator[tuple[Cause, Probe]]:
    yield from _of_heads(one, configuration, fits)
    shared: dict[str, Any] = {"groups": fits.groups, "again": fits.again}
    variants, model, training = fits.variants, configuration.model, configuration.training
    yield (
        Cause.LEARNING_RATE,
        lambda: learning_rate(
            fits.baseline,
            lower=variants.get("lower rate"),
            higher=variants.get("higher rate"),
            longer=variants.get("longer"),
            labels=fits.labels,
            **shared,
        ),
    )
    yield (
        Cause.NOT_TRAINING,
        lambda: not_training(
            fits.baseline,
            small_fit_accuracy=fits.memorised,
            counts=one.train_counts,
            epochs=one.measurement.epochs_run,
            groups=fits.groups,
            harm=one.harm,
        ),
    )
    yield (
        Cause.DISTORTION,
        lambda: distortion(
            fits.baseline,
            variants.get("frozen"),
            unfrozen_layers=model.unfrozen_layers,
            learning_rate=training.learning_rate,
            head_epochs=training.head_epochs,
            **shared,
        ),
    )
    recalibrated, best = variants.get("recalibrated"), variants.get("best")
    if recalibrated is not None:
        yield (
            Cause.BATCH_NORM,
            lambda: batch_norm(
                one.measurement,
                configuration=one.flat,
                recalibrated=recalibrated,
                baseline=fits.baseline,
                groups=fits.groups,
                seed=one.seed,
            ),
        )
    if best is not None:
        yield (
            Cause.LAST_EPOCH,
            lambda: last_epoch(
                one.measurement,
                one.flat,
                fits=(best, fits.baseline),
                labels=fits.labels,
                groups=fits.groups,
                seed=one.seed,
            ),
        )


def _of_heads(one: Trained, configuration: Configuration, fits: Fits) -> Iterator[tuple[Cause, Probe]]:
    shared: dict[str, Any] = {"groups": fits.groups, "again": fits.again, "harm": one.harm}
    baseline, images = fits.baseline, one.measurement.train_images
    linear, rates = fits.variants.get("linear"), _rates(configuration)
    yield (
        Cause.CAPACITY,
        lambda: capacity(baseline, fits.having("smaller"), fits.labels, train_images=images, **shared),
    )
    if linear is None:
        yield Cause.BOTTLENECK, partial(Finding.impossible, Cause.BOTTLENECK, "the head has no hidden layer")
    else:
        hidden = HiddenLayers(
            widths=configuration.model.head_width,
            rates=rates,
            classes=one.num_classes,
            filters=configuration.model.conv_filters,
        )
        yield Cause.BOTTLENECK, lambda: bottleneck(baseline, linear, hidden, train_images=images, **shared)
    yield (
        Cause.IDLE_DROPOUT,
        lambda: idle_dropout(
            baseline,
            fits.variants.get("undropped"),
            rate=_strongest(configuration),
            positions=fits.positions,
            train_images=images,
            **shared,
        ),
    )
    weaker = (*fits.having("weaker"), *fits.having("undropped"))
    yield (
        Cause.OVER_REGULARIZED,
        lambda: over_regularized(baseline, weaker, train_images=images, groups=fits.groups, again=fits.again),
    )


def _rates(configuration: Configuration) -> tuple[float, ...]:
    """The dropout rate behind each hidden dense layer."""
    model = configuration.model
    if model.dropout_position != "after_dense":
        return (0.0,) * len(model.head_width)
    return model.dropout if isinstance(model.dropout, tuple) else (model.dropout,) * len(model.head_width)


def _strongest(configuration: Configuration) -> float:
    rate = configuration.model.dropout
    return max(rate, default=0.0) if isinstance(rate, tuple) else rate
