"""Sizes of a model by arithmetic: no weight is allocated, so that a head of any size can be described and refused."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sweep.backbones.catalog import Backbone
from sweep.backbones.cut import ParameterCounts, cut_for, parameter_counts, unfrozen_names
from sweep.errors import TrialError
from sweep.studyfile.definition import Configuration, ModelSettings, TrainingSettings

__all__ = [
    "CONV_SIZE",
    "POOL_SIZE",
    "ModelDescription",
    "check_map",
    "check_memory",
    "describe_model",
    "head_parameters",
    "optimizer_numbers",
]

CONV_SIZE = 3
"""Side of the window of the head's convolution."""
POOL_SIZE = 2
"""Side and stride of the window of the pooling "max2d"."""

_BYTES = 4  # float32
_GIGABYTE = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDescription:
    """What can be said of a configuration's model before it is trained.

    Attributes:
        trainable_parameters, total_parameters: of the whole model, frozen backbone included in the total.
        head_parameters: of the head alone.
        unfrozen_parameters, unfrozen_trainable_parameters: of the unfrozen layers of the backbone.
        file_bytes: of its weights as a file, float32.
        full_file_bytes: of a full Keras file, with what the optimizer keeps of each trainable parameter.
        training_bytes: memory for weights, gradients, optimizer and the best epoch's weights; activations, which grow
            with the batch, and what is copied in passing are not in it.
        optimizer: its name.
        unfrozen_layers: names of the backbone's layers that are unfrozen.
        cut: name of the tensor at which the cached, frozen prefix ends.
    """

    trainable_parameters: int
    total_parameters: int
    head_parameters: int
    unfrozen_parameters: int
    unfrozen_trainable_parameters: int
    file_bytes: int
    full_file_bytes: int
    training_bytes: int
    optimizer: str
    unfrozen_layers: tuple[str, ...]
    cut: str


def describe_model(backbone: Backbone, configuration: Configuration, num_classes: int) -> ModelDescription:
    """Sizes and layers of a configuration's model.

    Raises:
        TrialError: the feature map is smaller than the head's window.
    """
    model, training = configuration.model, configuration.training
    whole = parameter_counts(backbone, model)
    head = head_parameters(backbone.model.output_shape[1:], model, num_classes)
    trainable, total = whole.trainable + head.trainable, whole.total + head.total
    gathered = trainable * optimizer_numbers(training)
    copied = trainable if training.keep == "best" else 0
    names = unfrozen_names(backbone, model)
    return ModelDescription(
        trainable_parameters=trainable,
        total_parameters=total,
        head_parameters=head.total,
        unfrozen_parameters=sum(backbone.model.get_layer(name).count_params() for name in names),
        unfrozen_trainable_parameters=whole.trainable,
        file_bytes=_BYTES * total,
        full_file_bytes=_BYTES * (total + gathered),
        training_bytes=_BYTES * (total + trainable + gathered + copied),
        optimizer=training.optimizer,
        unfrozen_layers=names,
        cut=cut_for(backbone, model).key,
    )


def head_parameters(feature_map: Sequence[int], model: ModelSettings, num_classes: int) -> ParameterCounts:
    """Parameters of a head: kernels, biases and, of a batch norm, scale, shift and two statistics, which do not train.

    Args:
        feature_map: what the backbone puts out for an image: (height, width, channels).
        model: of the configuration.
        num_classes: width of the output.

    Raises:
        TrialError: the feature map is smaller than the head's window.
    """
    height, width, channels = feature_map
    trainable = statistics = 0
    if model.conv_filters:
        check_map(feature_map, CONV_SIZE, "conv_filters = 0")
        trainable += (CONV_SIZE * CONV_SIZE * channels + 1) * model.conv_filters
        height, width = ((side - CONV_SIZE) // model.conv_stride + 1 for side in (height, width))
        channels = model.conv_filters
    vector = _pooled_length((height, width, channels), model)
    for following in (*model.head_width, num_classes):
        trainable += (vector + 1) * following
        vector = following
    if model.head_batch_norm:
        normed = model.conv_filters + sum(model.head_width)
        trainable, statistics = trainable + 2 * normed, 2 * normed
    return ParameterCounts(trainable=trainable, total=trainable + statistics)


def optimizer_numbers(training: TrainingSettings) -> int:
    """How many numbers the optimizer keeps of each trainable parameter."""
    momentum = int(training.momentum > 0)
    return {"adam": 2, "adamw": 2, "rmsprop": 1 + momentum, "sgd": momentum}[training.optimizer]


def check_map(shape: Sequence[int | None], window: int, alternative: str) -> None:
    """Refuse a feature map that is smaller than the window that goes over it.

    Args:
        shape: of one image's features: (height, width, channels).
        window: its side.
        alternative: a setting that does without the window, as a study file has it.
    """
    height, width = (side or math.inf for side in shape[:2])
    if min(height, width) >= window:
        return
    raise TrialError(
        "[model]",
        received=f"a feature map of {height} × {width}",
        expected=f"at least {window} × {window}, the window that goes over it",
        remedy=f"raise data.image_size, or set {alternative}",
    )


def check_memory(described: ModelDescription, memory: int) -> str:
    """A note for the user where training takes more than half of the memory, else "".

    Args:
        described: the model.
        memory: bytes that there are.

    Raises:
        TrialError: training takes more than all of it.
    """
    parts = f"weights, gradients, the state of {described.optimizer}, copies"
    needed = f"{described.training_bytes / _GIGABYTE:,.1f} GB ({parts})"
    there = f"{memory / _GIGABYTE:,.1f} GB of memory here"
    if described.training_bytes > memory:
        trained = f"{described.trainable_parameters:,} trainable parameters, {described.head_parameters:,} in the head"
        raise TrialError(
            "[model]",
            received=f"{trained}, for which training takes at least {needed}",
            expected=f"at most the {there}",
            remedy=_remedy(described),
        )
    if 2 * described.training_bytes > memory:
        return (
            f"training takes at least {needed}, more than half of the {there}; where that fails, {_remedy(described)}"
        )
    return ""


def _remedy(described: ModelDescription) -> str:
    if 2 * described.head_parameters > described.trainable_parameters:
        return 'set pooling = "avg", or a smaller head_width'
    return "lower unfrozen_layers, or take a smaller backbone"


def _pooled_length(shape: tuple[int, int, int], model: ModelSettings) -> int:
    height, width, channels = shape
    match model.pooling:
        case "avg" | "max":
            return channels
        case "max2d":
            check_map(shape, POOL_SIZE, 'pooling = "avg"')
            height, width = height // POOL_SIZE, width // POOL_SIZE
    return height * width * channels
