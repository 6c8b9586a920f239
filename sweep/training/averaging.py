"""The trainings of a cross-validation, measured as one.

What is counted on a training side is averaged with the trainings weighted by their training images, what is counted on
validation by their validation images. So every sum that holds in each training (loss = cross-entropy + penalty + ...)
holds in the average too, and validation numbers are those over all out-of-fold predictions together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweep.data.folds import fold_repeats
from sweep.records import (
    EpochRecord,
    IndexArray,
    Measurement,
    ModeRecord,
    Moment,
    PredictionRecord,
    Side,
    SplitIndices,
)
from sweep.training.course import EARLY_STOPPING, FINISHED, PRUNED
from sweep.training.evaluation import standard_error

__all__ = ["averaged"]

Weights = NDArray[np.float64]

_OF_TRAIN = ("logged_train_accuracy", "logged_train_loss", "logged_penalty", "logged_weighting", "train_accuracy",
             "train_cross_entropy")  # fmt: skip
_OF_VALIDATION = ("logged_validation_accuracy", "logged_validation_loss", "validation_accuracy",
                  "validation_cross_entropy")  # fmt: skip


def averaged(parts: Sequence[Measurement], split: SplitIndices, labels: IndexArray, *, pruned: bool) -> Measurement:
    """One measurement of all trainings of a split with folds.

    `epochs_run` is that of the longest training, `selected_epoch` the rounded mean. The standard error of the
    validation cross-entropy is that over images, each with its mean over the repetitions; like that of a single split
    it leaves out that another training set would give other models, which no single cross-validation shows (Bengio &
    Grandvalet, JMLR 5, 2004). Predictions on probes are left out: each training has a probe of its own.

    Args:
        parts: of the first trainings of the split, at least one, in their order.
        split: with folds.
        labels: of every image of the index.
        pruned: whether later trainings were given up; then validation has no predictions, for it is not complete.
    """
    folds = split.folds[: len(parts)]
    train = _shares([part.train_images for part in parts])
    validation = _shares([len(fold) for fold in folds])
    positions, validated = np.concatenate(folds), _rounded([len(fold) for fold in folds])
    selected = _joined(parts, Moment.SELECTED)
    reason = next((part.modes_reason for part in parts if not part.modes), "")
    return replace(
        parts[0],
        selected_epoch=_rounded([part.selected_epoch for part in parts]),
        epochs_run=max(part.epochs_run for part in parts),
        stopped=PRUNED if pruned else _stopped(parts),
        validation_cross_entropy_error=_error(positions, selected.cross_entropy),
        validation_balanced_accuracy=_balanced_accuracy(labels[positions], selected.predicted),
        # Together they are the images of each training, however the means are rounded.
        train_images=parts[0].train_images + len(folds[0]) - validated,
        validation_images=validated,
        compile_seconds=sum(part.compile_seconds for part in parts),
        seconds=sum(part.seconds for part in parts),
        epochs=_epochs([part.epochs for part in parts], train, validation),
        predictions=() if pruned else _predictions(parts, split),
        folds=len(parts),
        modes=() if reason else _modes([part.modes for part in parts], train),
        modes_reason=reason,
        **_means(parts, (*_OF_TRAIN, "train_balanced_accuracy"), train),
        # The penalty is read as a part of the validation loss; that of training has its own field.
        **_means(parts, (*_OF_VALIDATION, "penalty"), validation),
    )


def _shares(counts: Sequence[int]) -> Weights:
    weights: Weights = np.array(counts) / sum(counts)
    return weights


def _means(records: Sequence[object], names: Sequence[str], weights: Weights) -> dict[str, Any]:
    """Field -> mean, a float; `Any` because records have fields of other types besides.

    Weights sum to 1 but for rounding, and nobody is right more often than always: accuracies are clipped.
    """
    means = {name: float(weights @ [getattr(record, name) for record in records]) for name in names}
    return {name: float(np.clip(mean, 0, 1)) if name.endswith("accuracy") else mean for name, mean in means.items()}


def _rounded(counts: Sequence[int]) -> int:
    return math.floor(sum(counts) / len(counts) + 0.5)


def _stopped(parts: Sequence[Measurement]) -> str:
    """Why the trainings ended; "early stopping" where one of them has had enough."""
    return EARLY_STOPPING if any(part.stopped == EARLY_STOPPING for part in parts) else FINISHED


def _error(positions: IndexArray, cross_entropies: NDArray[np.float16]) -> float:
    """Standard error of the mean over images, which repetitions predict several times."""
    of_image = np.unique(positions, return_inverse=True)[1]
    sums = np.bincount(of_image, weights=cross_entropies.astype(np.float64))
    return standard_error(sums / np.bincount(of_image))


def _balanced_accuracy(labels: IndexArray, predicted: NDArray[np.uint16]) -> float:
    correct = predicted == labels
    return float(np.mean([correct[labels == label].mean() for label in np.unique(labels)]))


def _epochs(courses: Sequence[Sequence[EpochRecord]], train: Weights, validation: Weights) -> tuple[EpochRecord, ...]:
    """The mean of each epoch; a training that has stopped stays where it stopped, and costs no more time."""
    found = []
    for number in range(max(map(len, courses))):
        records = [course[min(number, len(course) - 1)] for course in courses]
        record = EpochRecord(
            epoch=number + 1,
            learning_rate=float(train @ [record.learning_rate for record in records]),
            seconds=sum(course[number].seconds for course in courses if number < len(course)),
            **_means(records, _OF_TRAIN, train),
            **_means(records, _OF_VALIDATION, validation),
        )
        found.append(record)
    return tuple(found)


def _modes(parts: Sequence[Sequence[ModeRecord]], weights: Weights) -> tuple[ModeRecord, ...]:
    """The mean of each mode.

    Masks, views and batches are drawn anew in each training, so the noise of the draws is independent and shrinks. The
    errors of the changes do not: all trainings but one have the same images, so the mean of the errors is kept, which
    is theirs at most.
    """

    def root(name: str, records: Sequence[ModeRecord]) -> float:
        return math.sqrt(sum((weight * getattr(one, name)) ** 2 for weight, one in zip(weights, records, strict=True)))

    return tuple(
        replace(
            records[0],
            accuracy_noise=root("accuracy_noise", records),
            cross_entropy_noise=root("cross_entropy_noise", records),
            **_means(
                records,
                ("accuracy", "cross_entropy", "accuracy_change_error", "cross_entropy_change_error"),
                weights,
            ),
        )
        for records in _of_all(parts)
    )


def _of_all(parts: Sequence[Sequence[ModeRecord]]) -> list[list[ModeRecord]]:
    """The records of each mode that every training has measured."""
    measured = [{(one.dropout, one.augmentation, one.batch_statistics): one for one in modes} for modes in parts]
    common = [mode for mode in measured[0] if all(mode in other for other in measured)]
    return [[other[mode] for other in measured] for mode in common]


# ---- predictions -----------------------------------------------------------------------------------------------------


def _predictions(parts: Sequence[Measurement], split: SplitIndices) -> tuple[PredictionRecord, ...]:
    """Validation at both moments, repetition after repetition, in each by position in the index."""
    in_repetition = len(split.folds) // fold_repeats(split)
    repetition = np.repeat(np.arange(len(split.folds)) // in_repetition, [len(fold) for fold in split.folds])
    order = np.lexsort((np.concatenate(split.folds), repetition))
    return tuple(_reordered(_joined(parts, moment), order) for moment in (Moment.SELECTED, Moment.LAST))


def _joined(parts: Sequence[Measurement], moment: Moment) -> PredictionRecord:
    """Fold after fold; logits only if every training has them."""
    records = [
        record
        for part in parts
        for record in part.predictions
        if record.side is Side.VALIDATION and record.moment is moment
    ]
    logits = [record.logits for record in records if record.logits is not None]
    return PredictionRecord(
        side=Side.VALIDATION,
        moment=moment,
        predicted=np.concatenate([record.predicted for record in records]),
        cross_entropy=np.concatenate([record.cross_entropy for record in records]),
        logits=np.concatenate(logits) if len(logits) == len(records) else None,
    )


def _reordered(record: PredictionRecord, order: IndexArray) -> PredictionRecord:
    return replace(
        record,
        predicted=record.predicted[order],
        cross_entropy=record.cross_entropy[order],
        logits=None if record.logits is None else record.logits[order],
    )
