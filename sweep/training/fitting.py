"""What `fit` is given on the plain path: batches, rates, mixtures, and metrics beside the loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from sweep.studyfile.definition import TrainingSettings
from sweep.training.knobs import Knobs
from sweep.training.losses import one_hot, takes_one_hot
from sweep.training.task import Batches

__all__ = ["PLAIN", "TRAINED", "FitBatches", "Mixture", "Watch", "cross_entropy_metrics"]

Pixels: TypeAlias = NDArray[np.uint8]
Tensor: TypeAlias = keras.KerasTensor

PLAIN, TRAINED = "plain_cross_entropy", "trained_cross_entropy"
"""Names of the metrics: against the label, and what is trained on, without penalties."""


class Mixture(keras.layers.Layer):  # type: ignore[misc]
    """Mixes each example of a batch with its partner, as it is told before the step."""

    def __init__(self, batch_size: int) -> None:
        super().__init__()
        self._partners = keras.Variable(np.arange(batch_size), dtype="int32", trainable=False)
        self._share = keras.Variable(1.0, dtype="float32", trainable=False)

    def tell(self, partners: NDArray[np.int32], share: np.float32) -> None:
        """The positions of the partners, shape (batch_size,), and the share of the examples themselves."""
        self._partners.assign(partners)
        self._share.assign(share)

    def call(self, inputs: Tensor) -> Tensor:
        """The mixed batch."""
        partners, share = self._partners.value[: ops.shape(inputs)[0]], self._share.value
        return share * inputs + (1.0 - share) * ops.take(inputs, partners, axis=0)

    def compute_output_spec(self, inputs: Tensor) -> Tensor:
        """Shape and type of the inputs."""
        return keras.KerasTensor(inputs.shape, inputs.dtype)


class FitBatches(keras.utils.PyDataset):  # type: ignore[misc]
    """An epoch's batches, preprocessed when `fit` asks for them; labels are one-hot for so many classes, unless 0."""

    def __init__(
        self, pixels: Pixels, preprocess: Callable[[Pixels], NDArray[np.float32]], batches: Batches, classes: int
    ) -> None:
        super().__init__()
        self._pixels = pixels
        self._preprocess = preprocess
        self._batches = batches
        self._classes = classes

    def __len__(self) -> int:
        return len(self._batches.counts)

    def __getitem__(self, step: int) -> tuple[NDArray[np.float32], NDArray[Any]]:
        count = self._batches.counts[step]
        return self._preprocess(self._pixels[self._batches.rows[step, :count]]), self._labels(step, count)

    def _labels(self, step: int, count: int) -> NDArray[Any]:
        labels, mixing = self._batches.labels[step, :count], self._batches.mixing
        if not self._classes:
            return labels
        hot = one_hot(labels, self._classes)
        if mixing is None:
            return hot
        share = mixing.shares[step]
        mixed: NDArray[np.float32] = share * hot + (1 - share) * hot[mixing.partners[step, :count]]
        return mixed


class Watch(keras.callbacks.Callback):  # type: ignore[misc]
    """Before each step: counts it as the fast path does, so that both draw the same masks, and sets what it needs."""

    def __init__(self, model: keras.Model, knobs: Knobs, mixture: Mixture | None, batches: Batches) -> None:
        super().__init__()
        self._fitted = model
        self._knobs = knobs
        self._mixture = mixture
        self._batches = batches

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Before each step."""
        self._knobs.step.assign_add(1)
        self._fitted.optimizer.learning_rate = self._batches.rates[batch]
        mixing = self._batches.mixing
        if self._mixture is not None and mixing is not None:
            self._mixture.tell(mixing.partners[batch], mixing.shares[batch])


def cross_entropy_metrics(
    training: TrainingSettings, class_weights: NDArray[np.float32] | None
) -> list[keras.metrics.Mean]:
    """Means over the examples: of the plain cross-entropy, and of what is trained on, without penalties."""
    hot = takes_one_hot(training)

    def number(labels: Tensor) -> Tensor:
        return ops.argmax(labels, axis=1) if hot else ops.reshape(labels, (-1,))

    def plain(labels: Tensor, logits: Tensor) -> Tensor:
        return ops.sparse_categorical_crossentropy(number(labels), logits, from_logits=True)

    def trained(labels: Tensor, logits: Tensor) -> Tensor:
        given = plain(labels, logits)
        if hot:
            given = keras.losses.categorical_crossentropy(
                labels, logits, from_logits=True, label_smoothing=training.label_smoothing
            )
        return given if class_weights is None else given * ops.take(class_weights, number(labels), axis=0)

    return [
        keras.metrics.MeanMetricWrapper(plain, name=PLAIN),
        keras.metrics.MeanMetricWrapper(trained, name=TRAINED),
    ]
