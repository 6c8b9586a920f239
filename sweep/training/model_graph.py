"""Where in a model's graph of layers its frozen part ends, and what its last dense layer is given."""

from __future__ import annotations

from typing import Any, TypeAlias

import keras
from keras import layers

__all__ = ["Link", "chain_of", "frozen_tensor", "last_dense_input", "operations_before"]

Tensor: TypeAlias = keras.KerasTensor
Link: TypeAlias = tuple[Any, Tensor]

_WIDEST = 4096
"""Features of an image from which on linear probes take minutes; a flattened feature map has more of them."""


def chain_of(output: Tensor) -> list[Link]:
    """Operations from an output back towards the input, each with what it gives, as long as each has one input.

    The last of them may have several.
    """
    found = []
    while True:
        operation, call, _ = output._keras_history
        found.append((operation, output))
        given = operation._inbound_nodes[call].input_tensors
        if len(given) != 1:
            return found
        output = given[0]


def operations_before(output: Tensor) -> list[Any]:
    """Every operation that a tensor depends on, in the order of the computation, each once."""
    found: dict[int, Any] = {}
    open_ = [(output, False)]
    seen = set()
    while open_:
        tensor, entered = open_.pop()
        operation, call, _ = tensor._keras_history
        if entered:
            found.setdefault(id(operation), operation)
        elif (id(operation), call) not in seen:
            seen.add((id(operation), call))
            open_.append((tensor, True))
            open_ += [(one, False) for one in operation._inbound_nodes[call].input_tensors]
    return list(found.values())


def frozen_tensor(model: keras.Model) -> Tensor | None:
    """The tensor nearest to the output that nothing which learns comes before, if a trained network does."""
    if not model.trainable_weights:
        return None  # a model that was frozen as a whole does not tell what had been trained
    for _, tensor in chain_of(model.outputs[0])[1:]:
        before = operations_before(tensor)
        if any(getattr(one, "trainable_weights", ()) for one in before):
            continue
        # A normalisation of pixels has weights too, but vectors alone.
        if not any(len(weight.shape) > 1 for one in before for weight in getattr(one, "weights", ())):
            return None
        if len(tensor.shape) in (2, 4) and (tensor.shape[-1] or _WIDEST + 1) <= _WIDEST:
            return tensor
    return None


def last_dense_input(model: keras.Model) -> Tensor | None:
    """What the last dense layer is given; None without one that is given a vector of moderate length."""
    for operation, tensor in chain_of(model.outputs[0]):
        if isinstance(operation, layers.Dense):
            given = operation._inbound_nodes[tensor._keras_history.node_index].input_tensors[0]
            narrow = len(given.shape) == 2 and (given.shape[-1] or _WIDEST + 1) <= _WIDEST
            return given if narrow else None
    return None
