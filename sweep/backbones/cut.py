"""Where the frozen part of a backbone ends, and the two models on either side of that cut.

A cut is a tensor that every path from the input to the output crosses: a residual branch can't be cut through.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from sweep.backbones.catalog import Backbone
from sweep.errors import BackboneError
from sweep.studyfile.definition import ModelSettings

if TYPE_CHECKING:
    import keras

__all__ = [
    "INPUT",
    "Cut",
    "ParameterCounts",
    "cut_for",
    "parameter_counts",
    "prefix_model",
    "tail_model",
    "unfrozen_names",
]

Reduction = Literal["none", "avg", "max"]

INPUT = "input"
"""The `Cut.layer` of the preprocessed pixels themselves."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The tensor that is cached.

    Attributes:
        layer: the layer or operation that gives it; `INPUT` for the preprocessed pixels.
        reduction: "avg" or "max" where only its global pooling is needed, else "none".
    """

    layer: str
    reduction: Reduction = "none"

    @property
    def key(self) -> str:
        """The cut as text, for cache keys and for people."""
        return self.layer if self.reduction == "none" else f"{self.layer}, {self.reduction} pooled"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterCounts:
    """Parameters of a backbone, its head not counted."""

    trainable: int
    total: int


def cut_for(backbone: Backbone, model: ModelSettings) -> Cut:
    """The deepest cut before the first layer that trains.

    The pooling belongs to it where nothing comes between the backbone and a global pooling. That depends on the
    dropout's position, not on its rate, so that a swept rate never asks for another pass.
    """
    crossings = list(_crossings(backbone.model))
    training = {id(layer) for layer in _training_layers(backbone, model)}
    first = min(
        (step for step, node in enumerate(_nodes(backbone.model)) if id(node.operation) in training), default=None
    )
    if first is None:
        return Cut(crossings[-1].name, _reduction(model))
    name, step = next((crossing.name, crossing.step) for crossing in reversed(crossings) if crossing.step < first)
    # Padding and rescaling alone are not worth a cache that is larger than the pixels.
    before = _nodes(backbone.model)[: step + 1]
    return Cut(name if any(getattr(node.operation, "trainable_weights", ()) for node in before) else INPUT)


def prefix_model(backbone: Backbone, cuts: Sequence[Cut]) -> keras.Model:
    """From the preprocessed pixels to every cut, in their order; call it with `training=False`."""
    import keras  # noqa: PLC0415 - cuts can be compared without TensorFlow

    pooling = {"avg": keras.layers.GlobalAveragePooling2D, "max": keras.layers.GlobalMaxPooling2D}
    outputs = []
    for cut in cuts:
        tensor = _crossing(backbone, cut).tensor
        outputs.append(tensor if cut.reduction == "none" else pooling[cut.reduction]()(tensor))
    return keras.Model(backbone.model.input, outputs, name="prefix")


def tail_model(backbone: Backbone, cut: Cut, model: ModelSettings) -> keras.Model | None:
    """A fresh copy of what follows the cut, with the backbone's weights; None where nothing does.

    Exactly `backbone.layers[-unfrozen_layers:]` is trainable, without its batch norms where they are frozen. What is
    not unfrozen stays in inference use: its batch norms are frozen and its dropout rates, drop-connect's too, are 0.
    """
    import keras  # noqa: PLC0415

    start = _crossing(backbone, cut)
    following = _nodes(backbone.model)[start.step + 1 :]
    if not following:
        return None
    unfrozen = set(unfrozen_names(backbone, model))
    training = {layer.name for layer in _training_layers(backbone, model)}
    inputs = keras.Input(start.tensor.shape[1:], dtype=start.tensor.dtype, name="cut")
    tensors = {id(start.tensor): inputs}
    for number, node in enumerate(following):
        operation = _copy(node.operation, seed=number, active=node.operation.name in unfrozen)
        arguments, options = node.arguments.fill_in(tensors)
        tensors[id(node.output_tensors[0])] = operation(*arguments, **options)
        if isinstance(operation, keras.Layer):
            _take_weights(operation, node.operation)
            operation.trainable = operation.name in training
    return keras.Model(inputs, tensors[id(backbone.model.output)], name="tail")


def unfrozen_names(backbone: Backbone, model: ModelSettings) -> tuple[str, ...]:
    """The names of `backbone.layers[-unfrozen_layers:]`, those without weights and frozen batch norms included."""
    return tuple(layer.name for layer in _unfrozen_layers(backbone, model))


def parameter_counts(backbone: Backbone, model: ModelSettings) -> ParameterCounts:
    """How many of the backbone's parameters train."""
    trained = [weight for layer in _training_layers(backbone, model) for weight in layer.trainable_weights]
    return ParameterCounts(
        trainable=sum(math.prod(weight.shape) for weight in trained), total=backbone.model.count_params()
    )


# ---- what trains -----------------------------------------------------------------------------------------------------


def _unfrozen_layers(backbone: Backbone, model: ModelSettings) -> list[keras.Layer]:
    layers = backbone.model.layers
    return list(layers[max(0, len(layers) - model.unfrozen_layers) :])


def _training_layers(backbone: Backbone, model: ModelSettings) -> list[keras.Layer]:
    """The unfrozen layers that change while training: those with trainable weights, batch norms only if they may.

    A nested model counts as one layer, as in Keras; those of the catalog (ConvNeXt's) hold no batch norm.
    """
    import keras  # noqa: PLC0415

    frozen = keras.layers.BatchNormalization if model.batch_norm == "frozen" else ()
    return [
        layer
        for layer in _unfrozen_layers(backbone, model)
        if layer.trainable_weights and not isinstance(layer, frozen)
    ]


def _reduction(model: ModelSettings) -> Reduction:
    if model.conv_filters or model.dropout_position in ("before_conv", "after_conv", "both"):
        return "none"
    return model.pooling if model.pooling in ("avg", "max") else "none"


def _copy(operation: keras.Operation, *, seed: int, active: bool) -> keras.Operation:
    """A new layer like the given one; dropout has a seed of its own, and drops nothing unless it is active."""
    import keras  # noqa: PLC0415

    settings = operation.get_config()
    if isinstance(operation, keras.layers.Dropout):
        settings = {**settings, "seed": seed, "rate": settings["rate"] if active else 0.0}
    return type(operation).from_config(settings)


def _take_weights(layer: keras.Layer, source: keras.Layer) -> None:
    layer.set_weights(source.get_weights())
    if hasattr(layer, "finalize_state"):  # Normalization computes with what it derived from its weights
        layer.finalize_state()


# ---- the graph -------------------------------------------------------------------------------------------------------


class _Crossing(NamedTuple):
    step: int
    name: str
    tensor: keras.KerasTensor


def _nodes(model: keras.Model) -> list[Any]:
    """Every call of a layer or operation, each after the ones that it needs; the first is the input."""
    by_depth = model._nodes_by_depth
    return [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]


def _crossings(model: keras.Model) -> Iterator[_Crossing]:
    """The tensors that every path crosses, from the input to the output.

    In an order in which each call follows those that it needs, these are the tensors that are still needed alone: all
    calls before one are its ancestors, all calls after it its descendants.
    """
    nodes = _nodes(model)
    last_use = {id(tensor): step for step, node in enumerate(nodes) for tensor in node.input_tensors}
    open_tensors: set[int] = set()
    for step, node in enumerate(nodes):
        open_tensors |= {id(tensor) for tensor in node.output_tensors}
        open_tensors = {tensor for tensor in open_tensors if last_use.get(tensor, len(nodes)) > step}
        if len(open_tensors) == 1 and len(node.output_tensors) == 1:
            yield _Crossing(step, INPUT if step == 0 else node.operation.name, node.output_tensors[0])


def _crossing(backbone: Backbone, cut: Cut) -> _Crossing:
    for crossing in _crossings(backbone.model):
        if crossing.name == cut.layer:
            return crossing
    raise BackboneError(
        backbone.name,
        received=f'a cut at "{cut.layer}"',
        expected="a layer that every path from the input to the output crosses",
        remedy="cut where cut_for says",
    )
