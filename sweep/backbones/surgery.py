"""A backbone without batch norm, with it folded into its weights, or with more of it; and where dropout goes into one.

A nested model (ConvNeXt's stem) is left as it is.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sweep.backbones.graph import Called, Node, consumers, copy_of, nodes, repeat_calls

if TYPE_CHECKING:
    import keras

__all__ = ["BatchNorms", "dropout_sites", "operate"]

BatchNorms = Literal["kept", "removed", "folded", "inserted"]
Replacement = Callable[[Any], Called]


def operate(model: keras.Model, batch_norms: BatchNorms) -> keras.Model:
    """A network with the layers and weights of `model`, but for its batch norms; `model` itself where they are kept.

    "removed": each is taken out, and nothing takes its place. "folded": each goes into the kernel and bias of the
    linear layer right before it, or becomes a fixed `Rescaling` under its name, so that the network stays the same
    function. "inserted": each convolution that has none right behind it, or behind its activation, gets one before its
    activation, with Keras' defaults, which change next to nothing before training. New layers are named
    `<convolution>_bn`, and `<convolution>_activation` where it was part of the convolution.
    """
    if batch_norms == "kept":
        return model
    surgeon = {"removed": _removing, "folded": _folding, "inserted": _inserting}[batch_norms](model)
    return _rebuilt(model, surgeon)


def dropout_sites(model: keras.Model) -> tuple[str, ...]:
    """The layers behind which a dropout inside the backbone goes, from the input on.

    Every activation that takes a batch norm's output. In a network without any batch norm (VGG), the activation of
    every convolution, be it a layer or a part of the convolution.
    """
    takers, calls = consumers(model), nodes(model)
    norms = [node for node in calls if _is_batch_norm(node.operation)]
    convolutions = [node for node in calls if isinstance(node.operation, _convolutions())]
    sites = {node.operation.name for node in convolutions if not norms and not _is_linear(node.operation)}
    for node in norms or convolutions:
        following = takers[id(node.output_tensors[0])]
        sites |= {taker.operation.name for taker in following if _is_activation(taker.operation)}
    return tuple(node.operation.name for node in calls if node.operation.name in sites)


# ---- the operations: each says what is called in place of a layer ----------------------------------------------------


def _rebuilt(model: keras.Model, replacement: Replacement) -> keras.Model:
    import keras  # noqa: PLC0415

    (entry, *calls) = nodes(model)
    (old,) = entry.output_tensors
    inputs = keras.Input(batch_shape=old.shape, dtype=old.dtype, name=entry.operation.name)
    tensors = {id(old): inputs}
    repeat_calls(calls, tensors, replacement)
    return keras.Model(inputs, tensors[id(model.outputs[0])], name=model.name)


def _removing(model: keras.Model) -> Replacement:
    return lambda operation: _nothing if _is_batch_norm(operation) else copy_of(operation)


def _folding(model: keras.Model) -> Replacement:
    homes = _folding_homes(model)
    guests = {id(home): norm for norm, home in homes.values()}

    def replacement(operation: keras.Operation) -> Called:
        if id(operation) in homes:
            return _nothing
        if id(operation) in guests:
            return _folded(operation, guests[id(operation)])
        return _rescaling(operation) if _is_batch_norm(operation) else copy_of(operation)

    return replacement


def _inserting(model: keras.Model) -> Replacement:
    bare = _convolutions_without_batch_norm(model)
    return lambda operation: _with_batch_norm(operation) if id(operation) in bare else copy_of(operation)


def _nothing(tensor: keras.KerasTensor, **_: object) -> keras.KerasTensor:
    return tensor


def _with_batch_norm(convolution: keras.Layer) -> Called:
    from keras import layers  # noqa: PLC0415

    name = convolution.name
    chain = [copy_of(convolution, {"activation": "linear"}), layers.BatchNormalization(name=f"{name}_bn")]
    if not _is_linear(convolution):
        chain.append(layers.Activation(convolution.activation, name=f"{name}_activation"))
    return lambda tensor, **_: functools.reduce(lambda found, layer: layer(found), chain, tensor)


# ---- folding ---------------------------------------------------------------------------------------------------------


class _Affine(NamedTuple):
    """What a batch norm does in inference use: scale · x + shift, each of shape (channels,), float64."""

    scale: NDArray[np.float64]
    shift: NDArray[np.float64]

    @classmethod
    def of(cls, norm: keras.layers.BatchNormalization) -> _Affine:
        mean, variance = (np.asarray(each, np.float64) for each in (norm.moving_mean, norm.moving_variance))
        scale = (1.0 if norm.gamma is None else np.asarray(norm.gamma, np.float64)) / np.sqrt(variance + norm.epsilon)
        return cls(scale, (0.0 if norm.beta is None else np.asarray(norm.beta, np.float64)) - scale * mean)


def _folding_homes(model: keras.Model) -> dict[int, tuple[Any, Any]]:
    """By the id of a batch norm: it and the linear layer that takes it up, whose output nothing else sees."""
    import keras  # noqa: PLC0415

    takers, calls = consumers(model), nodes(model)
    often = Counter(id(node.operation) for node in calls)
    homes = {}
    for node in calls:
        home, following = node.operation, [taker.operation for taker in takers[id(node.output_tensors[0])]]
        if (
            isinstance(home, (*_convolutions(), keras.layers.Dense))
            and _is_linear(home)
            and len(following) == 1
            and _is_batch_norm(following[0])
            and often[id(home)] == often[id(following[0])] == 1
        ):
            homes[id(following[0])] = following[0], home
    return homes


def _folded(layer: keras.Layer, batch_norm: keras.layers.BatchNormalization) -> Called:
    """By scale · (W x + b) + shift = (scale · W) x + (scale · b + shift)."""
    from keras import layers  # noqa: PLC0415

    norm = _Affine.of(batch_norm)
    *others, kernel = layer.get_weights()[: -1 if layer.use_bias else None]
    bias = layer.get_weights()[-1] if layer.use_bias else 0.0
    scale = norm.scale
    if isinstance(layer, layers.DepthwiseConv2D):
        scale = scale.reshape(kernel.shape[-2:])  # output c · multiplier + m is filter m of input c
    elif isinstance(layer, layers.Conv2DTranspose):
        scale = scale[:, None]  # the kernel ends in (outputs, inputs)
    return copy_of(layer, {"use_bias": True}, weights=[*others, kernel * scale, norm.scale * bias + norm.shift])


def _rescaling(batch_norm: keras.layers.BatchNormalization) -> Called:
    from keras import layers  # noqa: PLC0415

    norm = _Affine.of(batch_norm)
    rescaling = layers.Rescaling(norm.scale.tolist(), norm.shift.tolist(), name=batch_norm.name)
    return lambda tensor, **_: rescaling(tensor)


# ---- what a layer is -------------------------------------------------------------------------------------------------


def _convolutions() -> tuple[type[keras.Layer], ...]:
    from keras import layers  # noqa: PLC0415

    return layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D, layers.Conv2DTranspose


def _is_batch_norm(operation: object) -> bool:
    from keras import layers  # noqa: PLC0415

    return isinstance(operation, layers.BatchNormalization)


def _is_linear(layer: keras.Layer) -> bool:
    from keras import activations  # noqa: PLC0415

    return layer.activation is activations.linear


def _is_activation(operation: object) -> bool:
    from keras import layers  # noqa: PLC0415

    if isinstance(operation, layers.Activation):
        return not _is_linear(operation)
    return isinstance(operation, (layers.ReLU, layers.LeakyReLU, layers.PReLU, layers.ELU))


def _convolutions_without_batch_norm(model: keras.Model) -> set[int]:
    """The ids of the convolutions that lead to no batch norm, neither at once nor behind their activation."""
    takers = consumers(model)

    def leads_to_batch_norm(node: Node) -> bool:
        following = takers[id(node.output_tensors[0])]
        return any(
            _is_batch_norm(taker.operation) or (_is_activation(taker.operation) and leads_to_batch_norm(taker))
            for taker in following
        )

    return {
        id(node.operation)
        for node in nodes(model)
        if isinstance(node.operation, _convolutions()) and not leads_to_batch_norm(node)
    }
