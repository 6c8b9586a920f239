"""The probes of one trial that its records are enough for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from sweep.diagnosis.probes.bookkeeping import bookkeeping
from sweep.diagnosis.probes.classes import class_bias
from sweep.diagnosis.probes.confusable import confusable_classes
from sweep.diagnosis.probes.modes import batch_norm, training_mode
from sweep.diagnosis.probes.selection import best_of_many, last_epoch
from sweep.diagnosis.probes.validation_size import small_validation
from sweep.diagnosis.verdict import SIGNIFICANCE
from sweep.records import Cause, Finding, IndexArray, Measurement, PredictionRecord, Scalar, Split
from sweep.report.gather import Report
from sweep.report.sides import LabelledImages
from sweep.studyfile.definition import StudyDefinition
from sweep.workflow.masking import Masks
from sweep.workflow.shielded import Probe, probed

__all__ = ["PredictedSide", "Trained", "probe_choice", "probe_records", "probes_of_predictions", "trained"]


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
        class_names: in the order of labels.
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
    class_names: tuple[str, ...] = ()

    @property
    def num_classes(self) -> int:
        """Width of the output."""
        return len(self.train_counts)

    def without(self, masks: Masks) -> Trained:
        """The same with some of its predictions left out of all that looks at them alone."""
        if self.prediction is None or self.labels is None or self.positions is None or not len(masks.left_out):
            return self
        kept = masks.kept(self.positions)
        prediction = replace(
            self.prediction,
            predicted=self.prediction.predicted[kept],
            cross_entropy=self.prediction.cross_entropy[kept],
            logits=None if self.prediction.logits is None else self.prediction.logits[kept],
        )
        groups = None if self.groups is None else tuple(self.groups[place] for place in kept.tolist())
        labels, positions = self.labels[kept], self.positions[kept]
        return replace(self, prediction=prediction, labels=labels, groups=groups, positions=positions)


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
        class_names=data.class_names,
    )


def probe_records(one: Trained, masks: Masks | None = None) -> tuple[Finding, ...]:
    """What a trial's records alone say; what looks at its predictions does so without the masked ones."""
    return tuple(probed(cause, probe) for cause, probe in _of_records(one, masks))


def probe_choice(report: Report) -> Finding:
    """What the choice among all trials of a study adds to rank 1's score."""
    choice = report.ranking.choice
    if choice is None:
        return probed(Cause.BEST_OF_MANY, lambda: best_of_many(None))
    return probed(
        Cause.BEST_OF_MANY,
        lambda: best_of_many(report.ranking.optimism, scores=choice.scores, select=choice.select, groups=choice.groups),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PredictedSide:
    """Predictions of a validation side, from a trial or from a short training of its configuration.

    Attributes:
        predicted, labels: classes, shape (n_validation,).
        cross_entropy: nats, shape (n_validation,).
        groups, positions: as in `Trained`.
        folds: trainings behind the predictions; 0 where there is one split.
    """

    predicted: NDArray[np.uint16]
    cross_entropy: NDArray[np.floating]
    train_accuracy: float
    labels: IndexArray
    groups: Sequence[str] | IndexArray | None
    positions: IndexArray | None
    folds: int = 0


def _of_records(one: Trained, masks: Masks | None) -> Iterator[tuple[Cause, Probe]]:
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
    whole = _side(one)
    if whole is None:
        for cause in (Cause.SMALL_VALIDATION, Cause.CLASS_BIAS, Cause.CONFUSABLE_CLASSES):
            yield cause, partial(Finding.not_measured, cause, "no predictions are stored")
        return
    seen = one if masks is None else one.without(masks)
    side = _side(seen)
    assert side is not None
    # How many images there are is a matter of the side as it is.
    yield from (dict(probes_of_predictions(seen, side)) | dict([_of_size(one, whole)])).items()


def _side(one: Trained) -> PredictedSide | None:
    if one.prediction is None or one.labels is None:
        return None
    return PredictedSide(
        predicted=one.prediction.predicted,
        cross_entropy=one.prediction.cross_entropy,
        train_accuracy=one.measurement.train_accuracy,
        labels=one.labels,
        groups=one.groups,
        positions=one.positions,
        folds=one.measurement.folds,
    )


def probes_of_predictions(one: Trained, side: PredictedSide) -> Iterator[tuple[Cause, Probe]]:
    """The probes that look at what is predicted alone."""
    confused = cache(partial(_confused, one, side))
    yield _of_size(one, side)
    yield (
        Cause.CLASS_BIAS,
        lambda: class_bias(
            predicted=side.predicted,
            labels=side.labels,
            num_classes=one.num_classes,
            counts_train=one.train_counts,
            groups=side.groups,
            positions=side.positions,
            class_names=one.class_names,
            alike=_alike(confused(), one.harm),
        ),
    )
    yield Cause.CONFUSABLE_CLASSES, confused


def _confused(one: Trained, side: PredictedSide) -> Finding:
    return confusable_classes(
        predicted=side.predicted,
        labels=side.labels,
        num_classes=one.num_classes,
        cross_entropy=side.cross_entropy,
        train_accuracy=side.train_accuracy,
        groups=side.groups,
        positions=side.positions,
        class_names=one.class_names,
        seed=one.seed,
    )


def _alike(confused: Finding, harm: float) -> tuple[int, ...]:
    """The classes that are shown to be taken for one another: which of them is named more often is no bias."""
    if confused.effect is None or confused.p is None:
        return ()
    shown = confused.p < SIGNIFICANCE and confused.effect.low > 0 and confused.effect.estimate >= harm
    return tuple(map(int, str(confused.evidence["members"]).split("-"))) if shown else ()


def _of_size(one: Trained, side: PredictedSide) -> tuple[Cause, Probe]:
    return (
        Cause.SMALL_VALIDATION,
        lambda: small_validation(
            correct=side.predicted == side.labels,
            groups=side.groups,
            train_accuracy=side.train_accuracy,
            folds=side.folds,
            harm=one.harm,
        ),
    )
