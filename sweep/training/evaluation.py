"""Clean numbers from logits."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sweep.records import IndexArray, Moment, PredictionRecord, Side

__all__ = ["Evaluation", "evaluate", "standard_error"]

_MAXIMUM_STORED = float(np.finfo(np.float16).max)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evaluation:
    """What a model says of one side, in the order of that side's indices.

    Attributes:
        logits: float32, shape (n_images, num_classes).
        predicted: uint16, shape (n_images,).
        correct: bool, shape (n_images,).
        cross_entropies: nats, float64, shape (n_images,).
        balanced_accuracy: mean of the accuracies of the classes that are there, a fraction.
    """

    logits: NDArray[np.float32]
    predicted: NDArray[np.uint16]
    correct: NDArray[np.bool_]
    cross_entropies: NDArray[np.float64]
    balanced_accuracy: float

    @property
    def accuracy(self) -> float:
        """A fraction."""
        return float(self.correct.mean())

    @property
    def cross_entropy(self) -> float:
        """Mean, nats."""
        return float(self.cross_entropies.mean())

    @property
    def cross_entropy_error(self) -> float:
        """Standard error of the mean, nats; infinite for a single image."""
        return standard_error(self.cross_entropies)

    def record(self, side: Side, moment: Moment, *, with_logits: bool = False) -> PredictionRecord:
        """As it is stored."""
        return PredictionRecord(
            side=side,
            moment=moment,
            predicted=self.predicted,
            cross_entropy=_stored(self.cross_entropies),
            logits=_stored(self.logits) if with_logits else None,
        )


def evaluate(logits: NDArray[np.float32], labels: IndexArray) -> Evaluation:
    """Accuracy and cross-entropy of logits, shape (n_images, num_classes); of equal logits the first class is taken."""
    wide = logits.astype(np.float64)
    below_peak = wide - wide.max(axis=1, keepdims=True)
    predicted = wide.argmax(axis=1)
    correct = predicted == labels
    return Evaluation(
        logits=logits,
        predicted=predicted.astype(np.uint16),
        correct=correct,
        cross_entropies=np.log(np.exp(below_peak).sum(axis=1)) - below_peak[np.arange(len(labels)), labels],
        balanced_accuracy=float(np.mean([correct[labels == label].mean() for label in np.unique(labels)])),
    )


def standard_error(values: NDArray[np.float64]) -> float:
    """Of the mean of values, shape (n,); infinite for a single value, which says nothing of the others."""
    return float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.inf


def _stored(values: NDArray[np.floating]) -> NDArray[np.float16]:
    stored: NDArray[np.float16] = np.clip(values, -_MAXIMUM_STORED, _MAXIMUM_STORED).astype(np.float16)
    return stored
