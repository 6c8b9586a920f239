"""The short trainings that some probes need: a configuration with a few fields changed, with a few seeds.

Every one is an ordinary training of an ordinary configuration, so a change that helps here is a remedy already: the
changed fields go into the study file as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sweep.records import EpochRecord, FitRecord, IndexArray, Measurement, Moment, Scalar, Side, SplitIndices
from sweep.studyfile.definition import Configuration
from sweep.training.course import Unpruned
from sweep.training.folds import TrainsSplits

__all__ = ["MEMORISED_IMAGES", "memorised", "refit"]

MEMORISED_IMAGES = 32
"""So few that any network which trains at all knows them by heart."""

_MEMORISING: Mapping[str, Scalar] = {
    "epochs": 200,
    "patience": 0,
    "keep": "last",
    "dropout": 0.0,
    "l1": 0.0,
    "l2": 0.0,
    "activity_l2": 0.0,
    "label_smoothing": 0.0,
    "mixup": 0.0,
    "augment_views": 0,
    "augment_validation": False,
    "steps_per_epoch": 0,
    "batch_size": 8,
}
"""Fields that keep a network from knowing its images by heart, switched off."""


def refit(
    trainer: TrainsSplits,
    configuration: Configuration,
    *,
    name: str,
    changes: Mapping[str, Scalar],
    labels: IndexArray,
    split: SplitIndices,
    seeds: Sequence[Sequence[int]],
) -> FitRecord:
    """Train a configuration with some fields changed, once for each seed.

    Args:
        trainer: has the cached features.
        configuration: the baseline.
        name: of the record.
        changes: field of [model] or [training] -> value, in the notation of the database.
        labels: int64, shape (n_images,), of the whole index.
        split: without folds.
        seeds: the same for all fits that are to be paired.

    Raises:
        DefinitionError: the changes do not fit the configuration.
        TrialError: as `Trainer.train`.
    """
    changed = configuration.replaced(changes) if changes else configuration
    found = [trainer.train(changed, seed=seed, reporter=Unpruned(), split=split) for seed in seeds]
    truth = labels[split.validation]
    sides = [_validated(measurement) for measurement in found]
    return FitRecord(
        name=name,
        changes={f"{_table(changed, field)}.{field}": value for field, value in changes.items()},
        seeds=len(found),
        train_accuracy=float(np.mean([one.train_accuracy for one in found])),
        train_cross_entropy=float(np.mean([one.train_cross_entropy for one in found])),
        correct=np.mean([predicted == truth for predicted, _ in sides], axis=0),
        cross_entropy=np.mean([nats for _, nats in sides], axis=0),
        predicted=sides[0][0],
        accuracies=tuple(
            (one.train_accuracy, float(np.mean(predicted == truth)))
            for one, (predicted, _) in zip(found, sides, strict=True)
        ),
        trainable_parameters=found[0].trainable_parameters,
        train_curve=_mean_curve(found, lambda epoch: epoch.train_cross_entropy),
        validation_curve=_mean_curve(found, lambda epoch: epoch.validation_cross_entropy),
    )


def memorised(
    trainer: TrainsSplits,
    configuration: Configuration,
    *,
    labels: IndexArray,
    split: SplitIndices,
    seed: Sequence[int],
) -> float:
    """Clean accuracy on a few training images after two hundred epochs on them alone, all classes among them.

    Raises:
        TrialError: as `Trainer.train`.
    """
    rng = np.random.default_rng(np.random.SeedSequence([*seed, MEMORISED_IMAGES]))
    shuffled = rng.permutation(split.train)
    # Class after class in turn, so that every class is there while images last.
    turn = np.empty(len(shuffled), np.int64)
    for label in np.unique(labels[shuffled]):
        members = np.flatnonzero(labels[shuffled] == label)
        turn[members] = np.arange(len(members))
    chosen = np.sort(shuffled[np.argsort(turn, kind="stable")][:MEMORISED_IMAGES])
    # Nobody asks for validation here; on the same images it costs least.
    few = SplitIndices(train=chosen, validation=chosen, test=split.test)
    fields = configuration.model.model_dump() | configuration.training.model_dump()
    changes = {name: value for name, value in _MEMORISING.items() if fields[name] != value}
    changed = configuration.replaced(changes)
    return trainer.train(changed, seed=seed, reporter=Unpruned(), split=few).train_accuracy


def _validated(measurement: Measurement) -> tuple[NDArray[np.uint16], NDArray[np.float64]]:
    """Predicted classes and cross-entropies of the validation side at the kept weights."""
    kept = (Side.VALIDATION, Moment.SELECTED)
    record = next(one for one in measurement.predictions if (one.side, one.moment) == kept)
    return record.predicted, record.cross_entropy.astype(np.float64)


def _mean_curve(found: Sequence[Measurement], value: Callable[[EpochRecord], float]) -> NDArray[np.float64]:
    """Epoch by epoch as far as all of them go: early stopping may end one sooner."""
    shortest = min(len(one.epochs) for one in found)
    return np.asarray(np.mean([[value(epoch) for epoch in one.epochs[:shortest]] for one in found], axis=0))


def _table(configuration: Configuration, field: str) -> str:
    return "model" if field in type(configuration.model).model_fields else "training"
