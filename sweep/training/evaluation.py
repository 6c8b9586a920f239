"""Clean numbers from logits."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sweep.records import IndexArray, Moment, PredictionRecord, Split

__all__ = ["Evaluation", "evaluate"]

_MAXIMUM_STORED = float(np.finfo(np.float16).max)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evaluation:
    """What a model says of one side, in the order of that side's indices.

    Attributes:
        predicted: uint16, shape (n_images,).
        cross_entropies: nats, float64, shape (n_images,).
        accuracy: fraction.
    """

    predicted: NDArray[np.uint16]
    cross_entropies: NDArray[np.float64]
    accuracy: float

    @property
    def cross_entropy(self) -> float:
        """Mean, nats."""
        return float(self.cross_entropies.mean())

    @property
    def standard_error(self) -> float:
        """Of the mean cross-entropy, nats; infinite for a single image, which says nothing of the others."""
        count = len(self.cross_entropies)
        return float(self.cross_entropies.std(ddof=1)) / math.sqrt(count) if count > 1 else math.inf

    def record(self, split: Split, moment: Moment) -> PredictionRecord:
        """As it is stored."""
        stored = np.minimum(self.cross_entropies, _MAXIMUM_STORED).astype(np.float16)
        return PredictionRecord(split=split, moment=moment, predicted=self.predicted, cross_entropy=stored)


def evaluate(logits: NDArray[np.float32], labels: IndexArray) -> Evaluation:
    """Accuracy and cross-entropy of logits, shape (n_images, num_classes); of equal logits the first class is taken."""
    wide = logits.astype(np.float64)
    below_peak = wide - wide.max(axis=1, keepdims=True)
    predicted = wide.argmax(axis=1)
    return Evaluation(
        predicted=predicted.astype(np.uint16),
        cross_entropies=np.log(np.exp(below_peak).sum(axis=1)) - below_peak[np.arange(len(labels)), labels],
        accuracy=float((predicted == labels).mean()),
    )
