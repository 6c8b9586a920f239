"""A trained configuration as one Keras model to take away: raw pixels in, probabilities out, layers of Keras alone.

Plain `keras.saving.load_model` loads it in safe mode where this package is not installed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from sweep.backbones.catalog import Backbone
from sweep.backbones.cut import INPUT, Cut, cut_for, cut_shape, tail_model
from sweep.errors import BackboneError
from sweep.studyfile.definition import ModelSettings
from sweep.training.foreign import load_original
from sweep.training.head import build_head
from sweep.training.hyper_reading import Reading
from sweep.training.hyper_whole import PlainParts, preprocessed
from sweep.training.keras_file import KerasFile
from sweep.training.model import build_trainable

__all__ = ["Classifier", "classifier_of", "deployable_hypermodel", "deployable_model", "network_of", "save_keras"]

Weights = Sequence[NDArray[Any]]

_ASKED_AT_ONCE = 32


def deployable_model(settings: ModelSettings, backbone: Backbone, weights: Weights, *, num_classes: int) -> keras.Model:
    """The whole network of a configuration with what a training has left in it.

    Args:
        settings: of the configuration.
        backbone: of the configuration; it stays as it is.
        weights: of what follows the cut, as `Trainer.fit` gives them.
        num_classes: width of the output.

    Returns:
        From RGB pixels, uint8, shape (n, image_size, image_size, 3), to probabilities, float32, shape (n, num_classes).
    """
    network = network_of(backbone, settings)
    images = _images(backbone.image_size)
    features = network(preprocessed(ops.cast(images, "float32"), backbone))
    head = build_head(features, settings, num_classes=num_classes, pooled=False, parts=PlainParts(settings))
    model = keras.Model(images, layers.Softmax(name="probabilities")(head), name="classifier")
    _adopt(model, settings, backbone, weights, num_classes)
    return model


def deployable_hypermodel(model: keras.Model, reading: Reading, image_size: int) -> keras.Model:
    """The same of somebody's own model, which takes RGB pixels from 0 to 255.

    Args:
        model: trained; it is in the returned one.
        reading: how its outputs are read.
        image_size: height and width of the images, pixels.
    """
    images = _images(image_size)
    # Without what it was compiled with, which the file would hold too and plain Keras need not know.
    bare = keras.Model(model.inputs, model.outputs[0], name=model.name) if getattr(model, "inputs", None) else model
    logits = reading.logits(bare(ops.cast(images, "float32")))
    return keras.Model(images, layers.Softmax(name="probabilities")(logits), name="classifier")


def network_of(backbone: Backbone, settings: ModelSettings) -> keras.Model:
    """A copy of a backbone, from preprocessed pixels on, with what is unfrozen and dropped as the settings say."""
    copied = tail_model(backbone, Cut(INPUT), settings)
    assert copied is not None, "from the pixels on there is always something"
    return keras.Model(copied.inputs[0], copied.outputs[0], name=backbone.model.name)


def save_keras(model: keras.Model, path: Path) -> None:
    """Write a model as a .keras file; raises `OSError` where it cannot be written."""
    keras.saving.save_model(model, path)


def _images(image_size: int) -> keras.KerasTensor:
    return keras.Input((image_size, image_size, 3), dtype="uint8", name="images")


def _adopt(model: keras.Model, settings: ModelSettings, backbone: Backbone, weights: Weights, num_classes: int) -> None:
    """Give the layers that follow the cut, which have the names of backbone and head, the weights of a training."""
    cut = cut_for(backbone, settings)
    tail = tail_model(backbone, cut, settings)
    trained = build_trainable(
        settings, tail=tail, input_shape=cut_shape(backbone, cut), num_classes=num_classes, parts=PlainParts(settings)
    )
    trained.set_weights(list(weights))
    network = model.get_layer(backbone.model.name)
    for layer in () if tail is None else tail.layers:
        network.get_layer(layer.name).set_weights(layer.get_weights())
    for layer in trained.layers:
        if layer is not tail and layer.weights:
            model.get_layer(layer.name).set_weights(layer.get_weights())


# ---- a file of that kind, asked --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Classifier:
    """A model that takes raw pixels.

    Attributes:
        image_size: height and width of its pictures, pixels.
        num_classes: of its output.
    """

    model: keras.Model
    image_size: int
    num_classes: int

    def probabilities(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Of each class, float32, shape (n_images, num_classes), for RGB pixels, shape (n_images, height, width, 3)."""
        found = np.empty((len(pixels), self.num_classes), np.float32)
        for start in range(0, len(pixels), _ASKED_AT_ONCE):
            part = pixels[start : start + _ASKED_AT_ONCE]
            # Always as many at once: TensorFlow compiles for each number of them.
            filled = part[np.resize(np.arange(len(part)), _ASKED_AT_ONCE)]
            found[start : start + len(part)] = np.asarray(self.model.predict_on_batch(filled))[: len(part)]
        return found


def classifier_of(file: KerasFile) -> Classifier:
    """Load a model, in safe mode.

    Raises:
        BackboneError: it cannot be loaded, or takes anything but raw pixels of square pictures.
    """
    model = load_original(file)
    inputs, outputs = (getattr(model, side, None) or [] for side in ("inputs", "outputs"))
    taken = ", ".join(f"{one.dtype} of shape {tuple(one.shape)}" for one in inputs)
    given = ", ".join(f"shape {tuple(one.shape)}" for one in outputs)
    fitting = re.fullmatch(r"uint8 of shape \(None, (\d+), \1, 3\)", taken)
    classes = re.fullmatch(r"shape \(None, (\d+)\)", given)
    if fitting is None or classes is None:
        raise BackboneError(
            file.name,
            received=f"a model that takes {taken or 'no inputs'} and gives {given or 'no outputs'}",
            expected="one that takes uint8 of shape (None, size, size, 3), RGB, and gives a number for each class",
            remedy="use a model that `sweep export` has written",
        )
    return Classifier(model=model, image_size=int(fitting[1]), num_classes=int(classes[1]))
