"""The head: what follows the backbone."""

from __future__ import annotations

from typing import Protocol, TypeAlias

import keras
from keras import layers

from sweep.studyfile.definition import ModelSettings
from sweep.training.sizes import CONV_SIZE, POOL_SIZE, check_map

__all__ = ["BEFORE_POOLING", "HeadParts", "build_head", "dropouts"]

Tensor: TypeAlias = keras.KerasTensor

BEFORE_POOLING = ("before_conv", "after_conv")
"""The places where a dropout is given a feature map."""


class HeadParts(Protocol):
    """Who makes the layers of a head that a setting is compiled into, or read by, as the caller needs it."""

    def dropout(self, number: int, name: str, *, whole_channels: bool) -> keras.layers.Layer:
        """The dropout layer of that number, counted from the input; whole channels only of a feature map."""
        ...

    def regularizer(self) -> keras.regularizers.Regularizer | None:
        """The penalty on one kernel."""
        ...

    def activity_regularizer(self) -> keras.regularizers.Regularizer | None:
        """The penalty on what one hidden layer puts out; asked for only where there is one."""
        ...


def dropouts(model: ModelSettings) -> tuple[str, ...]:
    """Where the head drops out, from the input on: "before_conv", "after_conv", "after_pooling", "after_dense_1", …."""
    position = model.dropout_position
    if position == "backbone":
        return ()
    if position in ("before_conv", "after_conv", "both"):
        if not model.conv_filters:
            return ("before_conv",)
        return BEFORE_POOLING if position == "both" else (position,)
    if position == "after_dense" and model.head_width:
        return tuple(f"after_dense_{number}" for number in range(1, len(model.head_width) + 1))
    return ("after_pooling",)


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
            tensor = self._hidden(layers.Dense, tensor, width, name=f"dense_{number}")
            tensor = self._drop(tensor, f"after_dense_{number}")
        # In float32 under mixed precision too: the exponentials of a loss need the range.
        tensor = layers.Dense(num_classes, dtype="float32", name="logits", **self._of_kernel())(tensor)
        if self._model.output == "sigmoid":
            # The softmax of the logarithms of positive numbers divides them by their sum.
            tensor = layers.Activation("log_sigmoid", dtype="float32", name="log_sigmoid")(tensor)
        return tensor

    def _convolve(self, tensor: Tensor) -> Tensor:
        tensor = self._drop(tensor, "before_conv")
        if not self._model.conv_filters:
            return tensor
        check_map(tensor.shape[1:], CONV_SIZE, "conv_filters = 0")
        strides = self._model.conv_stride
        tensor = self._hidden(
            layers.Conv2D, tensor, self._model.conv_filters, kernel_size=CONV_SIZE, strides=strides, name="conv"
        )
        return self._drop(tensor, "after_conv")

    def _pool(self, tensor: Tensor) -> Tensor:
        match self._model.pooling:
            case "avg":
                return layers.GlobalAveragePooling2D(name="pool")(tensor)
            case "max":
                return layers.GlobalMaxPooling2D(name="pool")(tensor)
            case "max2d":
                check_map(tensor.shape[1:], POOL_SIZE, 'pooling = "avg"')
                tensor = layers.MaxPooling2D(POOL_SIZE, name="pool")(tensor)
        return layers.Flatten(name="flatten")(tensor)

    def _hidden(
        self, kind: type[keras.layers.Layer], tensor: Tensor, width: int, *, name: str, **options: object
    ) -> Tensor:
        """A layer with kernel and activation, between them a batch norm if there is one in the head."""
        model = self._model
        activity = self._parts.activity_regularizer() if model.activity_l2 else None
        options = {**options, **self._of_kernel()}
        if not model.head_batch_norm:
            layer = kind(width, activation=model.activation, activity_regularizer=activity, name=name, **options)
            return layer(tensor)
        tensor = layers.BatchNormalization(name=f"{name}_norm")(kind(width, name=name, **options)(tensor))
        return layers.Activation(model.activation, activity_regularizer=activity, name=f"{name}_activation")(tensor)

    def _of_kernel(self) -> dict[str, object]:
        return {
            "kernel_initializer": self._model.kernel_initializer,
            "kernel_regularizer": self._parts.regularizer(),
        }

    def _drop(self, tensor: Tensor, place: str) -> Tensor:
        if place not in self._dropouts:
            return tensor
        whole = self._model.dropout_kind == "spatial" and place in BEFORE_POOLING
        return self._parts.dropout(self._dropouts.index(place), f"dropout_{place}", whole_channels=whole)(tensor)
