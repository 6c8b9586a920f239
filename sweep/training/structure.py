"""What fixes a compiled epoch: trials of one structure share its compilation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sweep.studyfile.definition import Configuration
from sweep.training.model import dropouts

__all__ = ["Structure", "compiles_whole"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """The fields that a compiled epoch is made of; equal structures train by the same code.

    Not among them, because they are variables or arguments: dropout rates, L2, learning rate, batch size, the images.

    Attributes:
        input_shape: of one image's features: (height, width, channels), or (channels,) where already pooled.
        pooling: "" where the features are pooled already.
        dropouts: where the head drops out.
        tail: backbone, weights, cut, unfrozen layers and use of batch norm, or () where only the head trains.
    """

    input_shape: tuple[int, ...]
    conv_filters: int
    pooling: str
    head_width: tuple[int, ...]
    dropouts: tuple[str, ...]
    tail: tuple[str | int, ...]
    optimizer: str
    num_classes: int

    @classmethod
    def of(
        cls,
        configuration: Configuration,
        *,
        input_shape: Sequence[int],
        num_classes: int,
        tail_cut: str | None,
    ) -> Structure:
        """The structure of a configuration; `tail_cut` is the layer where its unfrozen tail begins, if it has one."""
        model = configuration.model
        tail = (model.backbone, model.weights, tail_cut, model.unfrozen_layers, model.batch_norm) if tail_cut else ()
        return cls(
            input_shape=tuple(input_shape),
            conv_filters=model.conv_filters,
            pooling="" if len(input_shape) == 1 else model.pooling,
            head_width=model.head_width,
            dropouts=dropouts(model),
            tail=tail,
            optimizer=configuration.training.optimizer,
            num_classes=num_classes,
        )

    @property
    def compiled_whole(self) -> bool:
        """See `compiles_whole`."""
        return compiles_whole(has_tail=bool(self.tail), conv_filters=self.conv_filters, dropouts=self.dropouts)


def compiles_whole(*, has_tail: bool, conv_filters: int, dropouts: Sequence[str]) -> bool:
    """Whether XLA compiles the whole epoch, and not the masks alone.

    Measured on two CPU cores: dense layers on vectors gain a factor of 2 to 4, convolutions lose one of 20. Masks on a
    whole feature map lose one of 2 to 3, since XLA then draws them anew for every use.
    """
    return not has_tail and not conv_filters and "before_conv" not in dropouts
