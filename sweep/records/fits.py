"""Short trainings that probes need: the baseline's configuration, or one with a few fields changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sweep.records.values import Scalar

__all__ = ["FitRecord"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FitRecord:
    """One configuration trained with a few seeds on one split; numbers are clean, means over the seeds.

    Fits of one split and the same seeds are paired: they start from the same draws of weights where shapes agree, see
    the same batches, and are judged on the same validation images.

    Attributes:
        name: what was changed, a stable word; "baseline" where nothing was.
        changes: the changed fields of the study file by table and name ("training.learning_rate": 1e-4).
        seeds: how many trainings the means are of.
        train_accuracy, train_cross_entropy: over the whole training side, at the weights that the configuration keeps.
        correct: share of the trainings that are right, float64, shape (n_validation,).
        cross_entropy: mean over the trainings, nats, float64, shape (n_validation,).
        accuracies: clean accuracy of each training on its training side and on all of validation; empty where they
            were not kept.
        predicted: classes that the first of the trainings names, uint16, shape (n_validation,); None where they were
            not kept.
        trainable_parameters: of one training.
        train_curve: clean cross-entropy of the training probe at the end of each epoch, float64, shape (n_epochs,).
        validation_curve: the same of validation.
        logit_noise: standard deviation of the training logits over dropout masks divided by that over images; 0 where
            nothing drops out, NaN where it was not measured.
        dead_units: share of the head's last hidden units that are 0 for every training image; NaN without such a layer.
    """

    name: str
    changes: Mapping[str, Scalar] = field(default_factory=dict)
    seeds: int
    train_accuracy: float
    train_cross_entropy: float
    correct: NDArray[np.float64]
    cross_entropy: NDArray[np.float64]
    trainable_parameters: int
    train_curve: NDArray[np.float64]
    validation_curve: NDArray[np.float64]
    logit_noise: float = float("nan")
    dead_units: float = float("nan")
    predicted: NDArray[np.uint16] | None = None
    accuracies: tuple[tuple[float, float], ...] = ()
