"""A hypermodel as one writes it for KerasTuner, to show the way in: `[model] hypermodel` names its class."""

from __future__ import annotations

from typing import Any

import keras
import keras_tuner
from keras import layers

from sweep.backbones.catalog import load_backbone
from sweep.studyfile.definition import ModelSettings

__all__ = ["FrozenBackbone"]


class FrozenBackbone(keras_tuner.HyperModel):  # type: ignore[misc]
    """A frozen EfficientNet-Lite0, and a head of which everything is a hyperparameter.

    Args:
        input_shape: of an image: (height, width, 3).
        classes: how many there are.
    """

    def __init__(self, input_shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        self._input_shape = input_shape
        self._classes = classes

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """From RGB pixels, 0 to 255, to probabilities."""
        backbone = load_backbone(ModelSettings(), self._input_shape[0]).model
        backbone.trainable = False
        inputs = keras.Input(self._input_shape)
        scaled = layers.Rescaling(1 / 128, offset=-127 / 128)(inputs)
        pooled = layers.GlobalAveragePooling2D()(backbone(scaled))
        outputs = layers.Dense(self._classes, activation="softmax")(self._head(hp, pooled))
        model = keras.Model(inputs, outputs)
        rate = hp.Float("learning_rate", 1e-4, 1e-2, sampling="log", default=3e-4)
        kind = {"adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop}
        optimizer = kind[hp.Choice("optimizer", ["adam", "rmsprop"])](rate)
        model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    def fit(self, hp: keras_tuner.HyperParameters, model: keras.Model, *args: Any, **kwargs: Any) -> object:  # noqa: ANN401
        """Train with a batch size that is a hyperparameter too."""
        return model.fit(*args, batch_size=hp.Choice("batch_size", [32, 64, 128]), **kwargs)

    def _head(self, hp: keras_tuner.HyperParameters, features: keras.KerasTensor) -> keras.KerasTensor:
        dropped = layers.Dropout(hp.Float("dropout", 0.0, 0.8, step=0.1, default=0.5))(features)
        hidden = hp.Boolean("hidden")
        with hp.conditional_scope("hidden", [True]):  # without a hidden layer it has no width
            width = hp.Int("width", 32, 256, step=32)
        return layers.Dense(width, activation="relu")(dropped) if hidden else dropped
