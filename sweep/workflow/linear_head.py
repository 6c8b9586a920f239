"""A linear head on the frozen features, which stands for a model where none was trained yet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sweep.diagnosis.ridge import RidgeProbe, one_hot
from sweep.workflow.observed import Observed

__all__ = ["PENALTY", "ProbeHead", "probe_head"]

PENALTY = 0.1
"""Of the ridge regression; between 0.01 and 1 it hardly matters."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProbeHead:
    """A linear head on the frozen features, fitted to the training side.

    Attributes:
        correct: of validation, bool, shape (n_validation,).
        train_accuracy: of the images that it was fitted to.
    """

    correct: NDArray[np.bool_]
    train_accuracy: float


def probe_head(observed: Observed) -> ProbeHead:
    """Fit one; the features must be there."""
    assert observed.features is not None
    train, validation, labels = observed.train, observed.validation, observed.labels
    head = RidgeProbe(observed.features[train])
    targets = one_hot(labels[train], observed.num_classes)
    validated = head.predict(targets, PENALTY, observed.features[validation])
    fitted = head.fitted(targets, PENALTY)
    return ProbeHead(
        correct=validated.argmax(axis=1) == labels[validation],
        train_accuracy=float(np.mean(fitted.argmax(axis=1) == labels[train])),
    )
