"""The part of the model that trains: the tail of the backbone, if any of it is not frozen, and the head."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TypeAlias

import keras
import numpy as np

from sweep.backbones.catalog import Backbone
from sweep.backbones.cut import ParameterCounts, parameter_counts
from sweep.studyfile.definition import ModelSettings
from sweep.training.head import HeadParts, build_head, dropouts
from sweep.training.seeds import TrialSeeds
from sweep.training.switching import leaves

__all__ = ["Beginning", "build_trainable", "dropout_rates", "penalty", "whole_parameters"]

Tensor: TypeAlias = keras.KerasTensor

# Where the name of an initialiser does not follow from that of the weight.
_NAMED_OTHERWISE = {"depthwise_kernel": "depthwise_initializer", "pointwise_kernel": "pointwise_initializer"}


def dropout_rates(model: ModelSettings) -> tuple[float, ...]:
    """The rate of each of `dropouts(model)`."""
    return model.dropout if isinstance(model.dropout, tuple) else (model.dropout,) * len(dropouts(model))


def penalty(model: keras.Model) -> Tensor | float:
    """The penalty on the kernels at the present weights.

    `model.losses` is no way to it: what penalises activities is there too, of whatever batch was computed last.
    """
    kernels = [weight for weight in model.trainable_weights if weight.regularizer is not None]
    return sum((weight.regularizer(weight) for weight in kernels), 0.0)


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
        tail: what follows the cut of the backbone, or None.
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
    """Parameters of backbone and head together."""
    counts = parameter_counts(backbone, settings)
    head = _head_layers(trainable, tail)
    return ParameterCounts(
        trainable=counts.trainable + _count(weight for layer in head for weight in layer.trainable_weights),
        total=counts.total + _count(weight for layer in head for weight in layer.weights),
    )


class Beginning:
    """What a trainable model starts every trial from; make it before the first training.

    Args:
        trainable: of `build_trainable`.
        tail: the part of the backbone in it, with its weights, or None.
        redrawn: whether the tail's weights are drawn anew for every trial too.
    """

    def __init__(self, trainable: keras.Model, tail: keras.Model | None, *, redrawn: bool = False) -> None:
        self._head = _head_layers(trainable, tail)
        self._tail = tail
        self._pretrained = [] if tail is None else tail.get_weights()
        self._redrawn = leaves(tail) if tail is not None and redrawn else []
        # Drop-connect and the like in a tail draw from generators of Keras, whose state runs on.
        self._generators = [
            variable for variable in trainable.variables if variable.path.endswith("seed_generator_state")
        ]

    def restore(self, seeds: TrialSeeds) -> None:
        """Put the tail's weights back, or draw them anew, and the head's; each layer by its own initialisers."""
        if self._tail is not None:
            self._tail.set_weights(self._pretrained)
        _draw(self._redrawn, seeds.tail)
        _draw(self._head, seeds.weights)
        drawn = seeds.generators.generate_state(2 * len(self._generators) + 2)
        for number, state in enumerate(self._generators):
            state.assign(drawn[2 * number : 2 * number + 2])


def _draw(layers: Iterable[keras.layers.Layer], seed: np.random.SeedSequence) -> None:
    """Draw the weights of layers; those that no initialiser of a layer makes, such as a normalisation's, stay."""
    found = [pair for layer in layers for pair in _initialised(layer)]
    drawn = iter(seed.generate_state(len(found)).tolist())
    for variable, initializer in found:
        settings = initializer.get_config()
        if "seed" in settings:
            settings["seed"] = next(drawn)
        variable.assign(type(initializer).from_config(settings)(variable.shape, variable.dtype))


def _initialised(layer: keras.layers.Layer) -> Iterator[tuple[keras.Variable, keras.initializers.Initializer]]:
    """Weights with the initialisers that made them."""
    for variable in layer.weights:
        name = _NAMED_OTHERWISE.get(variable.name, f"{variable.name}_initializer")
        # The kernel of a depthwise convolution is initialised by what it calls its depthwise initialiser.
        found = getattr(layer, name, None) or getattr(layer, "depthwise_initializer", None)
        if found is not None:
            yield variable, found


def _head_layers(trainable: keras.Model, tail: keras.Model | None) -> list[keras.layers.Layer]:
    return [layer for layer in trainable.layers if layer is not tail]


def _count(weights: Iterable[keras.Variable]) -> int:
    return sum(math.prod(weight.shape) for weight in weights)
