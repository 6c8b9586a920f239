"""What fixes a compiled epoch: trials of one structure share its compilation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sweep.studyfile.definition import Configuration, ModelSettings
from sweep.training.head import BEFORE_POOLING, dropouts
from sweep.training.optimizer import WITH_MOMENTUM

__all__ = ["Structure", "compiles_whole"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """The fields that a compiled epoch is made of; equal structures train by the same code.

    Not among them, because they are variables or arguments: dropout rates, L1, L2, the learning rate of each step,
    label smoothing, class weights, batch size, the images, and whether the head trains alone at first. Fields that
    make no difference here are empty.

    Attributes:
        input_shape: of one image's features: (height, width, channels), or (channels,) where already pooled.
        pooling: "" where the features are pooled already.
        dropouts: where the head drops out.
        whole_channels: whether a dropout of the head drops whole channels of a feature map.
        activity: whether what the hidden layers put out is penalised.
        tail: see `tail_key`; () where there is the head alone.
        redrawn: whether the tail's weights are drawn anew for every trial.
        compiled_whole: see `compiles_whole`.
        momentum: 0 for optimizers without.
        weight_decay: 0 for optimizers without.
        mixup: whether pairs of images are mixed.
    """

    input_shape: tuple[int, ...]
    conv_filters: int
    conv_stride: int
    pooling: str
    head_width: tuple[int, ...]
    activation: str
    kernel_initializer: str
    head_batch_norm: bool
    output: str
    dropouts: tuple[str, ...]
    whole_channels: bool
    activity: bool
    tail: tuple[str | int | float | bool, ...]
    redrawn: bool
    num_classes: int
    compiled_whole: bool
    optimizer: str
    momentum: float
    weight_decay: float
    mixed_precision: bool
    mixup: bool

    @classmethod
    def of(
        cls,
        configuration: Configuration,
        *,
        input_shape: Sequence[int],
        num_classes: int,
        tail: tuple[str | int | float | bool, ...],
    ) -> Structure:
        """The structure of a configuration; `tail` is the `tail_key` of its cut."""
        model, training = configuration.model, configuration.training
        places = dropouts(model)
        hidden = bool(model.conv_filters or model.head_width)
        return cls(
            input_shape=tuple(input_shape),
            conv_filters=model.conv_filters,
            conv_stride=model.conv_stride if model.conv_filters else 0,
            pooling="" if len(input_shape) == 1 else model.pooling,
            head_width=model.head_width,
            activation=model.activation if hidden else "",
            kernel_initializer=model.kernel_initializer,
            head_batch_norm=model.head_batch_norm and hidden,
            output=model.output,
            dropouts=places,
            whole_channels=model.dropout_kind == "spatial" and any(place in BEFORE_POOLING for place in places),
            activity=model.activity_l2 > 0 and hidden,
            tail=tail,
            redrawn=model.weights == "none" and bool(tail),
            num_classes=num_classes,
            compiled_whole=compiles_whole(model, has_tail=bool(tail)),
            optimizer=training.optimizer,
            momentum=training.momentum if training.optimizer in WITH_MOMENTUM else 0.0,
            weight_decay=training.weight_decay if training.optimizer == "adamw" else 0.0,
            mixed_precision=training.mixed_precision,
            mixup=training.mixup > 0,
        )


def compiles_whole(model: ModelSettings, *, has_tail: bool) -> bool:
    """Whether XLA compiles the whole epoch, and not the masks alone.

    Measured on two CPU cores: dense layers on vectors gain a factor of 2 to 4, convolutions lose one of 20. Masks on a
    whole feature map lose one of 2 to 3, since XLA then draws them anew for every use. XLA needs batches of one size:
    batch norm and activity penalties in the head would see the rows that fill up the last one.
    """
    if has_tail or model.conv_filters or "before_conv" in dropouts(model):
        return False
    return not (model.head_width and (model.head_batch_norm or model.activity_l2))
