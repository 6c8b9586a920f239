"""A configuration of ours as one compiled Keras model, from pixels to logits, for whoever trains Keras models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from sweep.backbones.catalog import Backbone
from sweep.backbones.cut import INPUT, Cut, tail_model
from sweep.backbones.preprocessing import CHANNELS, PREPROCESSING
from sweep.records import IndexArray
from sweep.studyfile.definition import Configuration, ModelSettings, TrainingSettings
from sweep.training.learning_rate import learning_rates
from sweep.training.losses import keras_loss, one_hot, takes_one_hot
from sweep.training.model import Beginning, build_trainable, dropout_rates
from sweep.training.optimizer import make_optimizer
from sweep.training.seeds import TrialSeeds
from sweep.training.task import steps_per_epoch

__all__ = ["PlainParts", "fit_options", "preprocessed", "whole_model", "written_labels"]

Tensor: TypeAlias = keras.KerasTensor

_BRIGHTEST = 255


def whole_model(configuration: Configuration, backbone: Backbone, num_classes: int) -> keras.Model:
    """From RGB pixels, 0 to 255, to logits; compiled with loss, optimizer and accuracy.

    The backbone in it is a copy, in which what is not unfrozen does in training as in inference. What the plain path
    draws from a trial's seeds comes from the global streams of Keras and NumPy here.

    Args:
        configuration: without what only a trial of ours can do.
        backbone: of the configuration; it stays as it is.
        num_classes: width of the output.

    Raises:
        TrialError: the feature map is smaller than the head's window.
    """
    model, training = configuration.model, configuration.training
    tail = tail_model(backbone, Cut(INPUT), model)
    shape = (backbone.image_size, backbone.image_size, 3)
    trainable = build_trainable(model, tail=tail, input_shape=shape, num_classes=num_classes, parts=PlainParts(model))
    if model.weights == "none":
        seed = int(np.random.randint(2**31))
        Beginning(trainable, tail, redrawn=True).restore(TrialSeeds.of((seed,)))
    pixels = keras.Input(shape, name="pixels")
    whole = keras.Model(pixels, trainable(preprocessed(pixels, backbone)), name="whole")
    whole.compile(
        optimizer=make_optimizer(
            training.optimizer,
            training.learning_rate,
            momentum=training.momentum,
            weight_decay=training.weight_decay,
        ),
        loss=keras_loss(training),
        metrics=["accuracy"],
    )
    return whole


def written_labels(settings: TrainingSettings, labels: IndexArray, num_classes: int) -> NDArray[Any]:
    """Labels, shape (n,), as the configuration's loss is given them."""
    return one_hot(labels, num_classes) if takes_one_hot(settings) else labels


def fit_options(settings: TrainingSettings, labels: IndexArray, num_classes: int, *, validated: bool) -> dict[str, Any]:
    """What Keras' `fit` is told of a configuration besides images, labels and epochs.

    Args:
        settings: its epochs are those that are trained.
        labels: of the training images, shape (n,).
        num_classes: of the task.
        validated: whether there is a validation loss to look at.
    """
    rates = learning_rates(settings, steps_per_epoch(settings, len(labels)))
    patience = settings.patience or settings.epochs
    callbacks = [_Rates(rates)]
    if validated and (settings.patience or settings.keep == "best"):
        best = settings.keep == "best"
        callbacks.append(keras.callbacks.EarlyStopping("val_loss", patience=patience, restore_best_weights=best))
    counts = np.bincount(labels, minlength=num_classes)
    weights = len(labels) / (num_classes * np.maximum(counts, 1))
    return {
        "batch_size": settings.batch_size,
        "shuffle": settings.shuffle,
        "callbacks": callbacks,
        "class_weight": dict(enumerate(weights.tolist())) if settings.class_weight == "balanced" else None,
    }


class _Rates(keras.callbacks.Callback):  # type: ignore[misc]
    """Sets the learning rate of every step."""

    def __init__(self, rates: NDArray[np.float32]) -> None:
        super().__init__()
        self._rates = rates
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        """Before each epoch."""
        self._epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: object = None) -> None:
        """Before each step."""
        self.model.optimizer.learning_rate = float(self._rates[self._epoch, batch])


class PlainParts:
    """The layers of a head, as Keras has them."""

    def __init__(self, model: ModelSettings) -> None:
        self._model = model
        self._rates = dropout_rates(model)

    def dropout(self, number: int, name: str, *, whole_channels: bool) -> keras.layers.Layer:
        """Of the rate that the configuration says."""
        kind = layers.SpatialDropout2D if whole_channels else layers.Dropout
        return kind(self._rates[number], name=name)

    def regularizer(self) -> keras.regularizers.Regularizer | None:
        """On a kernel."""
        model = self._model
        return keras.regularizers.L1L2(model.l1, model.l2) if model.l1 or model.l2 else None

    def activity_regularizer(self) -> keras.regularizers.Regularizer | None:
        """On what a hidden layer puts out."""
        return keras.regularizers.L2(self._model.activity_l2)


def preprocessed(pixels: Tensor, backbone: Backbone) -> Tensor:
    """RGB pixels from 0 to 255, symbolic, float32, as a backbone is given them, by layers of Keras."""
    tensor = pixels
    if backbone.channels != "rgb":
        tensor = _linear(CHANNELS[backbone.channels], "channels")(tensor)
        if backbone.channels == "grey":
            tensor = ops.floor(tensor + 0.5)  # as whole pixels come out
    return _linear(PREPROCESSING[backbone.preprocessing], "preprocessing")(tensor)


def _linear(function: Callable[[NDArray[Any]], NDArray[Any]], name: str) -> keras.layers.Layer:
    """A layer that does what a function does that mixes, scales and shifts channels; found from where it takes four."""
    corners = np.concatenate([np.zeros((1, 3)), _BRIGHTEST * np.eye(3)])[:, None, None, :]
    dark, *bright = np.asarray(function(corners), np.float64)[:, 0, 0]
    kernel = (np.stack(bright) - dark) / _BRIGHTEST
    layer = layers.Conv2D(3, 1, name=name, trainable=False)
    layer.build((None, None, None, 3))
    layer.set_weights([kernel[None, None], dark])
    return layer
