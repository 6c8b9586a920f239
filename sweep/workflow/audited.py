"""What is measured of a classifier that was trained elsewhere: clean numbers, and those in the modes of training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sweep.data.folds import trainings
from sweep.diagnosis.switching import contract_modes
from sweep.diagnosis.wording import percent
from sweep.errors import DataError
from sweep.progress import Progress
from sweep.records import IndexArray, Measurement, ModeRecord, Moment, Side
from sweep.studyfile.settings import PREPROCESSINGS
from sweep.training.evaluation import Evaluation, evaluate
from sweep.training.foreign import ForeignModel, Said
from sweep.training.reading_off import ReadOff
from sweep.workflow.prepare import PreparedData

__all__ = ["Audited", "best_way", "spread", "take_numbers"]

_BATCH_SIZE = 32
"""Images that share the statistics of batch norm: what `fit` of Keras takes unless it is told otherwise."""
_MODES_ON = 1000
"""Training images that are evaluated in every mode; each mode costs as much as two passes over them."""
_TRIED_ON = 200
_STREAM = 0xA0D1  # of this module's random numbers
_EMBEDDED = "efficientnet-lite0"
_OTHER_ORDER = 0.2
"""Accuracy that another order of the classes must add before the order is called wrong: chance adds far less."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Audited:
    """A classifier's numbers on a folder of images.

    Attributes:
        way: of preparing pixels.
        said: of the images that are not sealed, in the order of the index.
        train, validation: clean.
        recalibrated: training and validation once batch norm's statistics are re-estimated, the former on the images
            behind the modes; None where none learns.
        measurement: what is logged stands for the modes of training at these very weights, and NaN without modes.
        sampled: training images behind the modes.
    """

    foreign: ForeignModel
    read: ReadOff
    way: str
    said: Said
    train: Evaluation
    validation: Evaluation
    recalibrated: tuple[Evaluation, Evaluation] | None
    measurement: Measurement
    sampled: int


def best_way(
    foreign: ForeignModel, read: ReadOff, data: PreparedData, asked: str, progress: Progress
) -> tuple[str, dict[str, float]]:
    """How the model's pixels are prepared: as asked, or in the way that gets most training images right.

    Of equally good ways that is taken which the model's own rescaling asks for, then that of the least cross-entropy.

    Returns:
        The way, and accuracy on a sample of the training images by way; empty where it was asked for.
    """
    if asked != "auto":
        return asked, {}
    rows = spread(trainings(data.split)[0].train, _TRIED_ON)
    ways = PREPROCESSINGS if read.backbone == _EMBEDDED else PREPROCESSINGS[1:]
    found = {}
    with progress.stage("ways of preparing pixels", len(ways) * len(rows), "images") as advance:
        for way in ways:
            logits = foreign.say(data.pixels, rows, way, advance).logits
            # Unscaled pixels can make a network overflow, which is no reason to stop.
            found[way] = evaluate(np.nan_to_num(logits), data.index.labels[rows])
    inside = "none" if foreign.rescales else ""
    best = max(found, key=lambda way: (found[way].accuracy, way == inside, -found[way].cross_entropy))
    return best, {way: one.accuracy for way, one in found.items()}


def take_numbers(
    foreign: ForeignModel, read: ReadOff, data: PreparedData, way: str, *, seed: int, progress: Progress
) -> Audited:
    """Evaluate the model clean on both sides, and a sample of the training images in the modes of the waterfall.

    Args:
        foreign: the model.
        read: what was read off it.
        data: decoded and split.
        way: of preparing pixels.
        seed: of batches.
        progress: stages "model pass" and "modes".

    Raises:
        DataError: the classes stand in another order than the model's outputs.
    """
    split, labels = trainings(data.split)[0], data.index.labels
    developed = split.developed
    with progress.stage("model pass", len(developed), "images") as advance:
        said = foreign.say(data.pixels, developed, way, advance)
    sides = {
        side: evaluate(said.logits[np.searchsorted(developed, rows)], labels[rows])
        for side, rows in ((Side.TRAIN, split.train), (Side.VALIDATION, split.validation))
    }
    train, validation = sides[Side.TRAIN], sides[Side.VALIDATION]
    _check_order(train, labels[split.train], data.index.class_names, foreign.file.name, data.index.root)
    sample = spread(split.train, _MODES_ON)
    drawn = np.random.SeedSequence((seed, _STREAM)).spawn(2)
    with progress.stage("modes", None, "images"):
        modes = foreign.modes(data.pixels[sample], labels[sample], way, batch_size=_BATCH_SIZE, seed=drawn[0])
        asked = np.concatenate((sample, split.validation))
        again = foreign.recalibrated(data.pixels, sample, asked, way, batch_size=_BATCH_SIZE, seed=drawn[1])
    cut = len(sample)
    recalibrated = (
        None
        if again is None
        else (evaluate(again[:cut], labels[sample]), evaluate(again[cut:], labels[split.validation]))
    )
    records = _of_whole_side(modes.modes, train, modes.clean)
    return Audited(
        foreign=foreign,
        read=read,
        way=way,
        said=said,
        train=train,
        validation=validation,
        recalibrated=recalibrated,
        measurement=_measurement(train, validation, records, modes.reason, len(sample)),
        sampled=len(sample),
    )


def spread(rows: IndexArray, most: int) -> IndexArray:
    """Rows evenly spread, so that each class, whose files stand together, has its share."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows)), dtype=np.int64))]


def _check_order(train: Evaluation, labels: IndexArray, class_names: Sequence[str], name: str, folder: str) -> None:
    """Folders in the order of their names are the classes 0, 1, …: refuse a model that plainly has another order."""
    counts = np.zeros((len(class_names), len(class_names)), np.int64)
    np.add.at(counts, (labels, train.predicted), 1)
    order = counts.argmax(axis=1)
    reordered = float((train.predicted == order[labels]).mean())
    if len(set(order.tolist())) < len(order) or reordered < train.accuracy + _OTHER_ORDER:
        return
    by_output = [class_names[label] for label in np.argsort(order).tolist()]
    raise DataError(
        folder,
        received=f"classes in the order of their names, in which {name} is right on {percent(train.accuracy)} of the "
        "training images",
        expected=f"the order of its outputs, which seems to be {','.join(by_output)} ({percent(reordered)})",
        remedy=f"add --classes {','.join(by_output)}",
    )


def _of_whole_side(modes: Sequence[ModeRecord], whole: Evaluation, sample: Evaluation) -> tuple[ModeRecord, ...]:
    """Modes of a sample, as changes from the clean number of the whole side: chance moves their level far more."""
    accuracy = whole.accuracy - sample.accuracy
    cross_entropy = whole.cross_entropy - sample.cross_entropy
    return tuple(
        replace(mode, accuracy=mode.accuracy + accuracy, cross_entropy=mode.cross_entropy + cross_entropy)
        for mode in modes
    )


def _measurement(
    train: Evaluation, validation: Evaluation, modes: tuple[ModeRecord, ...], reason: str, sampled: int
) -> Measurement:
    ordered = contract_modes(modes)
    first = (ordered[0].accuracy, ordered[0].cross_entropy) if ordered else (math.nan, math.nan)
    return Measurement(
        selected_epoch=0,
        epochs_run=0,
        stopped="finished",
        train_accuracy=train.accuracy,
        train_cross_entropy=train.cross_entropy,
        validation_accuracy=validation.accuracy,
        validation_cross_entropy=validation.cross_entropy,
        validation_cross_entropy_error=validation.cross_entropy_error,
        train_balanced_accuracy=train.balanced_accuracy,
        validation_balanced_accuracy=validation.balanced_accuracy,
        logged_train_accuracy=first[0],
        logged_train_loss=first[1],
        logged_penalty=0.0,
        logged_weighting=0.0,
        logged_validation_accuracy=validation.accuracy,
        logged_validation_loss=validation.cross_entropy,
        penalty=0.0,
        train_images=sampled,
        validation_images=len(validation.correct),
        trainable_parameters=0,
        total_parameters=0,
        engine="plain",
        cut="",
        seconds=0.0,
        compile_seconds=0.0,
        epochs=(),
        predictions=(validation.record(Side.VALIDATION, Moment.SELECTED),),
        modes=modes,
        modes_reason=reason,
    )
