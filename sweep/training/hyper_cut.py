"""Where the frozen part of somebody's own model ends, and the two models on either side of it.

Both share their layers with the model, so that what trains is the model's own.
"""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import layers

from sweep.backbones.graph import Crossing, crossings, nodes
from sweep.training.switching import why_other_in_training

__all__ = ["CutModel", "Uncut", "cut_model", "why_in_training"]

_NOISE = (layers.Dropout, layers.GaussianDropout, layers.GaussianNoise, layers.AlphaDropout)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CutModel:
    """A model in two.

    Attributes:
        layer: the layer that gives the cut.
        frozen: from pixels to the cut; call it with `training=False`.
        rest: from the cut to the outputs; not compiled.
        reason: why the cut lies no deeper, as a clause.
    """

    layer: str
    frozen: keras.Model
    rest: keras.Model
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncut:
    """Why a model cannot be cut, as a clause."""

    reason: str


def cut_model(model: keras.Model) -> CutModel | Uncut:
    """Cut before the first layer that learns, or that is not the same function in training as in inference.

    A model within the model counts as one layer. Only what Keras itself calls layer by layer can be cut.
    """
    if not _is_plain(model):
        return Uncut(reason=f"the model is of a class of its own ({type(model).__name__}), which may train differently")
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        return Uncut(reason="the model has several inputs or outputs")
    graph = keras.Model(model.inputs[0], model.outputs[0])
    calls = nodes(graph)
    found = ((step, reason) for step, node in enumerate(calls) if (reason := why_in_training(node.operation)))
    first, reason = next(found, (len(calls), "nothing in the model trains"))
    if first == len(calls):
        return Uncut(reason=reason)
    deepest = _deepest(graph, first)
    before = calls[: deepest.step + 1]
    # Rescaling alone is not worth an array that is as large as the pixels.
    if not any(getattr(node.operation, "weights", ()) for node in before):
        return Uncut(reason=reason)
    return CutModel(
        layer=deepest.name,
        frozen=keras.Model(graph.inputs[0], deepest.tensor, name="frozen"),
        rest=keras.Model(deepest.tensor, graph.outputs[0], name="rest"),
        reason=reason,
    )


def why_in_training(operation: keras.Operation) -> str:
    """Why an operation cannot be computed once and for all; "" for a frozen one that does the same in training."""
    if not isinstance(operation, keras.Layer):
        return ""
    if operation.trainable_weights:
        return f'the layer "{operation.name}" trains'
    for layer in operation._flatten_layers():
        penalty = getattr(layer, "activity_regularizer", None) is not None
        reason = "adds a penalty on what it puts out" if penalty else why_other_in_training(layer)
        if reason:
            place = "" if layer is operation else f' in "{operation.name}"'
            return f'the layer "{layer.name}"{place} {reason}'
    return ""


def _is_plain(model: keras.Model) -> bool:
    """Whether Keras alone decides how a model is called and trained."""
    return type(model).__module__.startswith("keras.") and bool(getattr(model, "inputs", None))


def _deepest(graph: keras.Model, first: int) -> Crossing:
    """The last tensor that every path crosses before a call; not that of a dropout of rate 0.

    Else a swept rate, which may be 0, would ask for the same numbers under another name.
    """
    operations = [node.operation for node in nodes(graph)]
    found = [crossing for crossing in crossings(graph) if crossing.step < first]
    return [crossing for crossing in found if not isinstance(operations[crossing.step], _NOISE)][-1]
