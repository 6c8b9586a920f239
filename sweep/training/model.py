"""The part of the model that trains: the tail of the backbone, if any of it is unfrozen, and the head."""

from __future__ import annotations

import math
from typing import Protocol, TypeAlias

import keras
import numpy as np
from keras import layers

from sweep.backbones.catalog import Backbone
from sweep.backbones.cut import ParameterCounts, parameter_counts
from sweep.errors import TrialError
from sweep.studyfile.definition import ModelSettings
from sweep.training.seeds import TrialSeeds

__all__ = ["Beginning", "HeadParts", "build_head", "build_trainable", "dropout_rates", "dropouts", "whole_parameters"]

Tensor: TypeAlias = keras.KerasTensor

_KERNEL_SIZE = 3
_BEFORE_POOLING = ("before_conv", "after_conv")


class HeadParts(Protocol):
    """Who makes the layers of a head that a setting is compiled into, or read by, as the caller needs it."""

    def dropout(self, number: int, name: str) -> keras.layers.Layer:
        """The dropout layer of that number, counted from the input."""
        ...

    def regularizer(self) -> keras.regularizers.Regularizer | None:
        """The penalty on one kernel."""
        ...


def dropouts(model: ModelSettings) -> tuple[str, ...]:
    """Where the head drops out, from the input on: "before_conv", "after_conv", "after_pooling", "after_dense_1", …."""
    position = model.dropout_position
    if position in ("before_conv", "after_conv", "both"):
        if not model.conv_filters:
            return ("before_conv",)
        return _BEFORE_POOLING if position == "both" else (position,)
    if position == "after_dense" and model.head_width:
        return tuple(f"after_dense_{number}" for number in range(1, len(model.head_width) + 1))
    return ("after_pooling",)


def dropout_rates(model: ModelSettings) -> tuple[float, ...]:
    """The rate of each of `dropouts(model)`."""
    return model.dropout if isinstance(model.dropout, tuple) else (model.dropout,) * len(dropouts(model))


def build_head(features: Tensor, model: ModelSettings, *, num_classes: int, pooled: bool, parts: HeadParts) -> Tensor:
    """Logits for features.

    Args:
        features: symbolic, float32, shape (n, height, width, channels), or (n, channels) where already pooled.
        model: its layers are as the docstring of `ModelSettings` says.
        num_classes: width of the output.
        pooled: whether the global pooling lies behind the features.
        parts: makes dropouts and penalties.

    Returns:
        Symbolic, float32, shape (n, num_classes): logits, no probabilities.

    Raises:
        TrialError: the feature map is smaller than a window that goes over it.
    """
    return _Head(model, parts).logits(features, num_classes=num_classes, pooled=pooled)


def build_trainable(
    model: ModelSettings,
    *,
    tail: keras.Model | None,
    input_shape: tuple[int, ...],
    num_classes: int,
    parts: HeadParts,
) -> keras.Model:
    """The model from a cut's features to logits.

    Args:
        model: of the configuration.
        tail: the unfrozen part of the backbone, or None.
        input_shape: of one image's features: (height, width, channels), or (channels,) where already pooled.
        num_classes: width of the output.
        parts: makes dropouts and penalties.
    """
    inputs = keras.Input(input_shape, name="features")
    features = inputs if tail is None else tail(inputs)
    logits = build_head(features, model, num_classes=num_classes, pooled=len(input_shape) == 1, parts=parts)
    return keras.Model(inputs, logits, name="trainable")


def whole_parameters(
    backbone: Backbone, settings: ModelSettings, trainable: keras.Model, tail: keras.Model | None
) -> ParameterCounts:
    """Parameters of backbone and head together; a head trains entirely."""
    counts = parameter_counts(backbone, settings)
    head = trainable.count_params() - (tail.count_params() if tail else 0)
    return ParameterCounts(trainable=counts.trainable + head, total=counts.total + head)


class Beginning:
    """What a trainable model starts every trial from; make it before the first training.

    Args:
        trainable: of `build_trainable`.
        tail: the unfrozen part in it, with the pretrained weights, or None.
    """

    def __init__(self, trainable: keras.Model, tail: keras.Model | None) -> None:
        self._head = [layer for layer in trainable.layers if isinstance(layer, (layers.Dense, layers.Conv2D))]
        self._tail = tail
        self._pretrained = [] if tail is None else tail.get_weights()
        # Drop-connect and the like in an unfrozen tail draw from generators of Keras, whose state runs on.
        self._generators = [
            variable for variable in trainable.variables if variable.path.endswith("seed_generator_state")
        ]

    def restore(self, seeds: TrialSeeds) -> None:
        """Put the pretrained weights back and draw the head's anew, each layer by its own initialiser."""
        if self._tail is not None:
            self._tail.set_weights(self._pretrained)
        for layer, seed in zip(self._head, seeds.weights.generate_state(len(self._head)), strict=True):
            layer.kernel.assign(_reseeded(layer.kernel_initializer, int(seed))(layer.kernel.shape))
            layer.bias.assign(np.zeros(layer.bias.shape, np.float32))
        drawn = seeds.generators.generate_state(2 * len(self._generators) + 2)
        for number, state in enumerate(self._generators):
            state.assign(drawn[2 * number : 2 * number + 2])


def _reseeded(initializer: keras.initializers.Initializer, seed: int) -> keras.initializers.Initializer:
    return type(initializer).from_config({**initializer.get_config(), "seed": seed})


class _Head:
    """Puts the layers of a head one after the other."""

    def __init__(self, model: ModelSettings, parts: HeadParts) -> None:
        self._model = model
        self._parts = parts
        self._dropouts = dropouts(model)

    def logits(self, tensor: Tensor, *, num_classes: int, pooled: bool) -> Tensor:
        if not pooled:
            tensor = self._pool(self._convolve(tensor))
        tensor = self._drop(tensor, "after_pooling")
        for number, width in enumerate(self._model.head_width, 1):
            tensor = self._dense(tensor, width, name=f"dense_{number}", activation="relu")
            tensor = self._drop(tensor, f"after_dense_{number}")
        return self._dense(tensor, num_classes, name="logits")

    def _convolve(self, tensor: Tensor) -> Tensor:
        tensor = self._drop(tensor, "before_conv")
        if not self._model.conv_filters:
            return tensor
        _check_map(tensor.shape, _KERNEL_SIZE, "conv_filters = 0")
        convolution = layers.Conv2D(
            self._model.conv_filters,
            _KERNEL_SIZE,
            activation="relu",
            kernel_regularizer=self._parts.regularizer(),
            name="conv",
        )
        return self._drop(convolution(tensor), "after_conv")

    def _pool(self, tensor: Tensor) -> Tensor:
        match self._model.pooling:
            case "avg":
                return layers.GlobalAveragePooling2D(name="pool")(tensor)
            case "max":
                return layers.GlobalMaxPooling2D(name="pool")(tensor)
            case "max2d":
                _check_map(tensor.shape, 2, 'pooling = "avg"')
                tensor = layers.MaxPooling2D(2, name="pool")(tensor)
        return layers.Flatten(name="flatten")(tensor)

    def _dense(self, tensor: Tensor, width: int, *, name: str, activation: str | None = None) -> Tensor:
        penalty = self._parts.regularizer()
        return layers.Dense(width, activation=activation, kernel_regularizer=penalty, name=name)(tensor)

    def _drop(self, tensor: Tensor, place: str) -> Tensor:
        if place not in self._dropouts:
            return tensor
        return self._parts.dropout(self._dropouts.index(place), f"dropout_{place}")(tensor)


def _check_map(shape: tuple[int | None, ...], window: int, alternative: str) -> None:
    height, width = (side or math.inf for side in shape[1:3])
    if min(height, width) < window:
        raise TrialError(
            "[model]",
            received=f"a feature map of {height} × {width}",
            expected=f"at least {window} × {window}, the window that goes over it",
            remedy=f"raise data.image_size, or set {alternative}",
        )
