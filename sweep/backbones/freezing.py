"""What each layer of a backbone does in training: who learns, who runs on the batch, who drops out.

A nested model counts as one layer, as in Keras; those of the catalog (ConvNeXt's) hold no batch norm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sweep.backbones.catalog import Backbone
from sweep.errors import BackboneError
from sweep.studyfile.definition import ModelSettings

if TYPE_CHECKING:
    import keras

__all__ = ["Freezing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Freezing:
    """The layers of a backbone that are something else in training than in validation, by name, in their order.

    Attributes:
        unfrozen: those without weights and frozen batch norms included.
        learning: the unfrozen layers whose weights or moving statistics change.
        legacy: the batch norms that run on the batch's statistics in training and learn nothing.
        dropping: the unfrozen dropouts that the backbone was built with.
        momentum: of the batch norms that learn; 0: their own, or none learns.
        dropped_behind: the layers behind which `dropout_position` = "backbone" puts a dropout.
    """

    unfrozen: tuple[str, ...]
    learning: tuple[str, ...]
    legacy: tuple[str, ...]
    dropping: tuple[str, ...]
    momentum: float
    dropped_behind: tuple[str, ...]

    @classmethod
    def of(cls, backbone: Backbone, model: ModelSettings) -> Freezing:
        """What the settings ask for.

        Raises:
            BackboneError: dropout is to go into the backbone, and there is no place for it.
        """
        import keras  # noqa: PLC0415 - cuts can be compared without TensorFlow

        layers = backbone.model.layers
        norms = {layer.name for layer in layers if isinstance(layer, keras.layers.BatchNormalization)}
        if model.unfrozen == "batch_norm":
            unfrozen, still = [layer for layer in layers if layer.name in norms], set()
        else:
            unfrozen = layers[max(0, len(layers) - model.unfrozen_layers) :]
            still = norms if model.batch_norm == "frozen" else set()
        changing = [layer for layer in unfrozen if layer.trainable_weights or layer.name in norms]
        learning = [layer for layer in changing if layer.name not in still]
        legacy = norms.difference(_names(unfrozen)) if model.batch_norm == "legacy" else ()
        return cls(
            unfrozen=_names(unfrozen),
            learning=_names(learning),
            legacy=_names([layer for layer in layers if layer.name in legacy]),
            dropping=_names([each for each in unfrozen if isinstance(each, keras.layers.Dropout) and each.rate]),
            momentum=model.batch_norm_momentum if norms.intersection(_names(learning)) else 0.0,
            dropped_behind=_dropped_behind(backbone) if model.dropout_position == "backbone" else (),
        )

    @property
    def active(self) -> frozenset[str]:
        """The layers that must lie behind the cut."""
        return frozenset((*self.learning, *self.legacy, *self.dropping))


def _names(layers: Sequence[keras.Layer]) -> tuple[str, ...]:
    return tuple(layer.name for layer in layers)


def _dropped_behind(backbone: Backbone) -> tuple[str, ...]:
    if backbone.dropout_sites:
        return backbone.dropout_sites
    raise BackboneError(
        "model.dropout_position",
        received=f'"backbone" with {backbone.name}, where no activation follows a batch norm or a convolution',
        expected="a backbone with a place for dropout",
        remedy='set model.dropout_position = "after_pooling", or take another backbone',
    )
