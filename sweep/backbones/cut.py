"""Where the frozen part of a backbone ends, and the two models on either side of that cut.

A cut is a tensor that every path from the input to the output crosses: a residual branch can't be cut through.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sweep.backbones.catalog import Backbone
from sweep.backbones.freezing import Freezing
from sweep.backbones.graph import INPUT, Called, Crossing, Node, copy_of, crossings, nodes, repeat_calls
from sweep.errors import BackboneError
from sweep.studyfile.definition import ModelSettings

if TYPE_CHECKING:
    import keras

__all__ = [
    "INPUT",
    "Cut",
    "ParameterCounts",
    "cut_for",
    "cut_shape",
    "parameter_counts",
    "prefix_model",
    "tail_key",
    "tail_model",
    "unfrozen_names",
]

Reduction = Literal["none", "avg", "max"]

# The first convolution has 1,792 parameters in VGG, 9,600 with its batch norm in ResNet50.
_STEM_PARAMETERS = 10_000


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
    """The deepest cut before the first layer that learns, or that is another function in training.

    The pixels instead where batch norms or dropouts put it behind a mere stem whose output is larger than they are:
    VGG16's first convolution would fill 6.6 MB an image at 160 pixels and saves less than a hundredth of the work. An
    unfrozen tail is cut where it begins, as asked for.

    The pooling belongs to it where nothing comes between the backbone and a global pooling. That depends on the
    dropout's position, not on its rate, so that a swept rate never asks for another pass.

    Raises:
        BackboneError: dropout is to go into the backbone, and there is no place for it.
    """
    found, calls, freezing = list(crossings(backbone.model)), nodes(backbone.model), Freezing.of(backbone, model)
    last = _last_frozen_step(calls, freezing)
    if last == len(calls):
        return Cut(found[-1].name, _reduction(model))
    deepest = next(crossing for crossing in reversed(found) if crossing.step <= last)
    saved = _parameters(calls[: deepest.step + 1])
    larger = math.prod(deepest.tensor.shape[1:]) > math.prod(found[0].tensor.shape[1:])
    following = calls[min(last + 1, len(calls) - 1)].operation.name
    chosen = model.unfrozen == "last" and following in freezing.unfrozen
    # Padding and rescaling are not worth a cache, nor is a stem one that is larger than the pixels.
    return Cut(INPUT if not saved or (larger and saved < _STEM_PARAMETERS and not chosen) else deepest.name)


def cut_shape(backbone: Backbone, cut: Cut) -> tuple[int, ...]:
    """The shape of one image's features at a cut: (height, width, channels), or (channels,) where it is pooled."""
    shape = tuple(_crossing(backbone, cut).tensor.shape[1:])
    return shape if cut.reduction == "none" else shape[-1:]


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

    Exactly the unfrozen layers are trainable, without their batch norms where those are frozen. What is not unfrozen
    stays in inference use: its batch norms are frozen and its dropout rates, drop-connect's too, are 0. But legacy
    batch norms run on the batch's statistics and have no trainable weights, and the dropouts put into the backbone,
    each named `<layer it follows>_dropout`, always drop.

    A legacy batch norm is trainable, with a momentum of 1 and its gamma and beta frozen: setting `trainable` on the
    tail, or on the layer, would undo it.
    """
    import keras  # noqa: PLC0415

    if not tail_key(backbone, cut, model):
        return None
    start = _crossing(backbone, cut)
    inputs = keras.Input(start.tensor.shape[1:], dtype=start.tensor.dtype, name="cut")
    tail = _Tail(backbone, model)
    tensors = {id(start.tensor): tail.with_dropout(start.name)(inputs)}
    repeat_calls(nodes(backbone.model)[start.step + 1 :], tensors, tail.replacement)
    return keras.Model(inputs, tensors[id(backbone.model.output)], name="tail")


def tail_key(backbone: Backbone, cut: Cut, model: ModelSettings) -> tuple[str | int | float | bool, ...]:
    """Equal where `tail_model` builds the same, weights included; () where it builds nothing."""
    freezing = Freezing.of(backbone, model)
    start = _crossing(backbone, cut)
    if start.step == len(nodes(backbone.model)) - 1 and start.name not in freezing.dropped_behind:
        return ()
    names = (" ".join(role) for role in (freezing.learning, freezing.legacy, freezing.dropping))
    dropout = (model.dropout_kind, _rate(model)) if freezing.dropped_behind else ()
    return backbone.name, backbone.digest, cut.layer, *names, freezing.momentum, *dropout


def unfrozen_names(backbone: Backbone, model: ModelSettings) -> tuple[str, ...]:
    """The names of the unfrozen layers, those without weights and frozen batch norms included."""
    return Freezing.of(backbone, model).unfrozen


def parameter_counts(backbone: Backbone, model: ModelSettings) -> ParameterCounts:
    """How many of the backbone's parameters train."""
    learning = (backbone.model.get_layer(name) for name in Freezing.of(backbone, model).learning)
    return ParameterCounts(
        trainable=_count(learning),
        total=backbone.model.count_params(),
    )


# ---- the cut ---------------------------------------------------------------------------------------------------------


def _last_frozen_step(calls: Sequence[Node], freezing: Freezing) -> int:
    """The last call whose output can be kept: the one before the first active layer, or the one that is dropped from.

    The number of calls where all can be kept.
    """
    before = (step - 1 for step, node in enumerate(calls) if node.operation.name in freezing.active)
    dropped = (step for step, node in enumerate(calls) if node.operation.name in freezing.dropped_behind)
    return min((*before, *dropped), default=len(calls))


def _parameters(calls: Sequence[Node]) -> int:
    """Of every layer that is called, once."""
    return _count({id(node.operation): node.operation for node in calls}.values())


def _count(operations: Iterable[keras.Operation]) -> int:
    """Trainable parameters."""
    weights = (weight for operation in operations for weight in getattr(operation, "trainable_weights", ()))
    return sum(math.prod(weight.shape) for weight in weights)


def _reduction(model: ModelSettings) -> Reduction:
    if model.conv_filters or model.dropout_position in ("before_conv", "after_conv", "both"):
        return "none"
    return model.pooling if model.pooling in ("avg", "max") else "none"


def _crossing(backbone: Backbone, cut: Cut) -> Crossing:
    for crossing in crossings(backbone.model):
        if crossing.name == cut.layer:
            return crossing
    raise BackboneError(
        backbone.name,
        received=f'a cut at "{cut.layer}"',
        expected="a layer that every path from the input to the output crosses",
        remedy="cut where cut_for says",
    )


# ---- the tail --------------------------------------------------------------------------------------------------------


def _rate(model: ModelSettings) -> float:
    assert not isinstance(model.dropout, tuple), "a definition has lists of rates behind dense layers alone"
    return model.dropout


class _Tail:
    """Makes the layers of a tail."""

    def __init__(self, backbone: Backbone, model: ModelSettings) -> None:
        self._freezing = Freezing.of(backbone, model)
        self._model = model
        self._seeds = {node.operation.name: step for step, node in enumerate(nodes(backbone.model))}

    def replacement(self, operation: keras.Operation) -> Called:
        """The copy of a layer or operation, and the dropout behind it if there is one."""
        copied = self._copy(operation)
        dropout = self.with_dropout(operation.name)
        return lambda *arguments, **options: dropout(copied(*arguments, **options))

    def with_dropout(self, name: str) -> Called:
        """What comes behind the layer of that name: a dropout, or nothing."""
        from keras import layers  # noqa: PLC0415

        if name not in self._freezing.dropped_behind:
            return lambda tensor: tensor
        kind = layers.SpatialDropout2D if self._model.dropout_kind == "spatial" else layers.Dropout
        return kind(_rate(self._model), seed=self._seeds[name], name=f"{name}_dropout")

    def _copy(self, operation: keras.Operation) -> keras.Operation:
        import keras  # noqa: PLC0415

        name, freezing = operation.name, self._freezing
        legacy = name in freezing.legacy
        changes: dict[str, float] = {}
        if isinstance(operation, keras.layers.Dropout):
            # Each draws from a seed of its own, and drops nothing unless it is unfrozen.
            changes = {"seed": self._seeds[name], "rate": operation.rate if name in freezing.dropping else 0.0}
        elif isinstance(operation, keras.layers.BatchNormalization) and (legacy or name in freezing.learning):
            changes = {"momentum": 1.0 if legacy else freezing.momentum or operation.momentum}
        copied = copy_of(operation, changes)
        if getattr(copied, "weights", ()):
            copied.trainable = legacy or name in freezing.learning
        if legacy:
            for weight in copied.trainable_weights:
                weight.trainable = False
        return copied
