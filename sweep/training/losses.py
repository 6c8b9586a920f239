"""The cross-entropy that a configuration trains on, and the plain one beside it."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from sweep.studyfile.definition import TrainingSettings
from sweep.training.evaluation import Evaluation

__all__ = ["CrossEntropies", "Labels", "cross_entropies", "keras_loss", "one_hot", "smoothed", "takes_one_hot"]

Tensor: TypeAlias = keras.KerasTensor


class Labels(NamedTuple):
    """What a batch is taught: integer labels, shape (n,), or mixtures of two where there are partners.

    Attributes:
        own: of the examples.
        partners: of those that they are mixed with, or None.
        share: of the examples in their mixtures, a scalar.
    """

    own: Tensor
    partners: Tensor | None = None
    share: Tensor | None = None

    @property
    def leading(self) -> Tensor:
        """The label of the larger share, of equal ones the smaller label, as the argmax of a mixed label takes it."""
        if self.partners is None or self.share is None:
            return self.own
        equal = ops.minimum(self.own, self.partners)
        return ops.where(self.share > 0.5, self.own, ops.where(self.share < 0.5, self.partners, equal))


class CrossEntropies(NamedTuple):
    """Of each example, nats, shape (n,): against its leading label, and what is trained on."""

    plain: Tensor
    trained: Tensor


def cross_entropies(logits: Tensor, labels: Labels, *, smoothing: Tensor, class_weights: Tensor) -> CrossEntropies:
    """Equal bit for bit where nothing is smoothed, mixed or weighted.

    Cross-entropy is linear in the label, so that a mixed or smoothed label is a mean of cross-entropies.

    Args:
        logits: float32, shape (n, num_classes).
        labels: int32.
        smoothing: the share of a label that is spread evenly over all classes, a scalar.
        class_weights: factors on what is trained on, by leading label, shape (num_classes,).
    """
    leading = labels.leading
    plain = _against(leading, logits)
    given = plain
    if labels.partners is not None and labels.share is not None:
        own, partners = _against(labels.own, logits), _against(labels.partners, logits)
        given = labels.share * own + (1.0 - labels.share) * partners
    spread = -ops.mean(ops.log_softmax(logits, axis=1), axis=1)
    trained = (given + smoothing * (spread - given)) * ops.take(class_weights, leading, axis=0)
    return CrossEntropies(plain, trained)


def smoothed(evaluation: Evaluation, smoothing: float) -> float:
    """The mean cross-entropy against smoothed labels, nats: what Keras logs of validation too."""
    if not smoothing:
        return evaluation.cross_entropy
    wide = evaluation.logits.astype(np.float64)
    peaks = wide.max(axis=1, keepdims=True)
    spread = np.log(np.exp(wide - peaks).sum(axis=1)) + peaks[:, 0] - wide.mean(axis=1)
    return float(((1 - smoothing) * evaluation.cross_entropies + smoothing * spread).mean())


# ---- for `fit` -------------------------------------------------------------------------------------------------------


def takes_one_hot(settings: TrainingSettings) -> bool:
    """Whether the loss is given a number for each class instead of the number of the class."""
    named = settings.loss == "categorical_crossentropy" or settings.labels == "one_hot"
    return named or settings.label_smoothing > 0 or settings.mixup > 0


def keras_loss(settings: TrainingSettings) -> keras.losses.Loss:
    """Keras' cross-entropy of logits."""
    if takes_one_hot(settings):
        return keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=settings.label_smoothing)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def one_hot(labels: NDArray[np.integer], num_classes: int) -> NDArray[np.float32]:
    """Shape (n, num_classes)."""
    hot: NDArray[np.float32] = np.eye(num_classes, dtype=np.float32)[labels]
    return hot


def _against(labels: Tensor, logits: Tensor) -> Tensor:
    return ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)
