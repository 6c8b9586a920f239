"""Trials, what training them has shown, and the study that holds them."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sweep.records.data import DataSummary
from sweep.records.modes import ModeRecord
from sweep.records.values import Moment, Scalar, Side, TrialState

__all__ = [
    "EpochRecord",
    "FailureRecord",
    "Measurement",
    "PredictionRecord",
    "StageRecord",
    "StudyRecord",
    "TrialRecord",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochRecord:
    """One epoch of one trial.

    `logged_*` is what Keras would print: for train the mean over the epoch's batches with dropout and augmentation on,
    for validation the end of the epoch, augmented where the configuration says so; losses with penalties and smoothed
    labels, for train with class weights and MixUp too. `train_*` and `validation_*` are clean; train is measured on a
    fixed stratified probe.

    Attributes:
        logged_penalty: the part of `logged_train_loss` that is penalty, the mean over the epoch's batches.
        logged_weighting: the part of it that class weights, label smoothing and MixUp add to the plain cross-entropy
            against the label, of a mixed image that of the larger share; may be negative.
    """

    epoch: int
    logged_train_accuracy: float
    logged_train_loss: float
    logged_penalty: float
    logged_weighting: float
    logged_validation_accuracy: float
    logged_validation_loss: float
    train_accuracy: float
    train_cross_entropy: float
    validation_accuracy: float
    validation_cross_entropy: float
    learning_rate: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PredictionRecord:
    """What a trial's weights say of every image of one side, in the order of that side's indices.

    With folds the validation side is every image that is not sealed, each predicted by the model that did not see it,
    repetition after repetition.

    Attributes:
        predicted: predicted class, uint16, shape (n_images,).
        cross_entropy: nats, float16, shape (n_images,).
        logits: float16, shape (n_images, n_classes); of the baseline and of repeated finalists only.
    """

    side: Side
    moment: Moment
    predicted: NDArray[np.uint16]
    cross_entropy: NDArray[np.float16]
    logits: NDArray[np.float16] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measurement:
    """Everything that training one configuration has shown, at the weights that the configuration keeps.

    Attributes:
        selected_epoch: the epoch whose weights are kept (least clean validation cross-entropy, or the last).
        epochs_run: epochs trained before the end, early stopping or pruning.
        stopped: why training ended: "finished", "early stopping" or "pruned".
        train_accuracy, train_cross_entropy: clean, over the whole training set, at the selected epoch.
        validation_accuracy, validation_cross_entropy: clean, over the whole validation set, at the selected epoch.
        validation_cross_entropy_error: standard error of the mean of the latter.
        train_balanced_accuracy, validation_balanced_accuracy: means of the classes' own accuracies.
        logged_*: as Keras would have printed them at the selected epoch; see `EpochRecord`.
        penalty: what penalties add to Keras' val_loss: L1 and L2 at the selected weights, and those on activities.
        train_images, validation_images: of one training; with folds the means over them.
        trainable_parameters, total_parameters: of the whole model, frozen backbone included in the total.
        folds: trainings that the numbers are means of, each with another validation side; 0 where there is one split.
        modes: train numbers at the selected weights in the modes of the waterfall; empty where `modes_reason` says why.
        engine: "fused" (cached features, compiled epochs) or "plain" (ordinary `fit`).
        cut: name of the tensor at which the cached, frozen prefix ends.
        seconds, compile_seconds: wall time of the whole trial, and the part that compiling took.
    """

    selected_epoch: int
    epochs_run: int
    stopped: str
    train_accuracy: float
    train_cross_entropy: float
    validation_accuracy: float
    validation_cross_entropy: float
    validation_cross_entropy_error: float
    train_balanced_accuracy: float
    validation_balanced_accuracy: float
    logged_train_accuracy: float
    logged_train_loss: float
    logged_penalty: float
    logged_weighting: float
    logged_validation_accuracy: float
    logged_validation_loss: float
    penalty: float
    train_images: int
    validation_images: int
    trainable_parameters: int
    total_parameters: int
    engine: str
    cut: str
    seconds: float
    compile_seconds: float
    epochs: tuple[EpochRecord, ...]
    predictions: tuple[PredictionRecord, ...] = ()
    folds: int = 0
    modes: tuple[ModeRecord, ...] = ()
    modes_reason: str = ""

    @property
    def gap_accuracy(self) -> float:
        """Clean train accuracy minus clean validation accuracy, a fraction."""
        return self.train_accuracy - self.validation_accuracy

    @property
    def gap_cross_entropy(self) -> float:
        """Clean validation cross-entropy minus clean train cross-entropy, nats: positive when validation is worse."""
        return self.validation_cross_entropy - self.train_cross_entropy


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRecord:
    """Why a trial has no result: the kind is an exception's name or "killed", "nan"."""

    kind: str
    reason: str
    epoch: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrialRecord:
    """One trial of a study: Optuna's part and ours.

    Attributes:
        number: Optuna's, from 0.
        baseline: whether it is the user's configuration of today.
        parameters: the swept fields, as stored ("512-256" for a list of widths).
        configuration: every field of [model] and [training], as trained, in the same notation.
        objective: J, nats, higher is better; None until it is known.
        duplicate_of: the number of the trial with the same configuration whose result was taken over.
        measurement: None while it runs, when it failed, and for a trial pruned before its first epoch ended.
    """

    number: int
    state: TrialState
    baseline: bool
    parameters: Mapping[str, Scalar]
    configuration: Mapping[str, Scalar]
    objective: float | None
    duplicate_of: int | None = None
    started: datetime.datetime | None = None
    finished: datetime.datetime | None = None
    measurement: Measurement | None = None
    failure: FailureRecord | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRecord:
    """Wall time of one stage of one `sweep run` ("decoding", 12.3, 3750, "images")."""

    name: str
    seconds: float
    units: int
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRecord:
    """A study as stored.

    Attributes:
        definition: the resolved definition as JSON.
        digest: SHA-256 of everything in it but the numbers of trials, finalists and repetitions, hexadecimal.
        data: summary of the data it was run on.
        base: the folder that relative paths of the definition started from at the last run; "" where it is unknown.
        versions: package name -> version of what trained it.
        created: UTC.
        default_baseline: whether the baseline is our plain default and not a configuration of the user's.
        stages: wall time by stage, over all runs.
    """

    name: str
    definition: str
    digest: str
    data: DataSummary
    versions: Mapping[str, str]
    created: datetime.datetime
    default_baseline: bool = False
    base: str = ""
    stages: tuple[StageRecord, ...] = field(default=())
