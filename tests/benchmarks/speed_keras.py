"""The loop that people write: the transfer learning of the Keras guide over the whole network, as both peers run it.

https://keras.io/guides/transfer_learning: `base(x, training=False)`, global average pooling, dropout, dense layers,
`compile`, `fit(validation_data=…)`. All that can be done once, is: pixels are decoded and preprocessed into memory, and
the network is loaded once, its weights put back before each trial.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from sweep.backbones.catalog import Backbone, load_backbone
from sweep.data.decoding import decode_file, prepare_decoders
from sweep.studyfile.definition import Configuration, StudyDefinition
from sweep.studyfile.load import load_study

_DECODED_AT_ONCE = 256


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Images:
    """One side: preprocessed float32 pixels of shape (n, image_size, image_size, 3), and int64 labels."""

    pixels: tf.Tensor
    labels: np.ndarray


class Loop:
    """Images and network, loaded once; builds and fits one configuration after the other.

    Attributes:
        definition: of the study.
        setup: seconds of loading the network and of decoding, by name.
    """

    def __init__(self, plan: Mapping[str, Any]) -> None:
        self.definition: StudyDefinition = load_study(Path(plan["study"]), environment={})
        self._classes = int(plan["classes"])
        start = time.perf_counter()
        size = self.definition.data.image_size
        self._network = load_backbone(self.definition.model, size)
        self._weights = self._network.model.get_weights()
        loaded = time.perf_counter()
        self.train = _decoded(plan["train"], size, self._network)
        self.validation = _decoded(plan["validation"], size, self._network)
        self.setup = {"loading": loaded - start, "decoding": time.perf_counter() - loaded}

    def build(self, configuration: Configuration) -> keras.Model:
        """A compiled model; it gives logits."""
        model, training = configuration.model, configuration.training
        base = self._network.model
        base.set_weights(self._weights)
        unfreeze(base, model.unfrozen_layers)
        penalty = keras.regularizers.L2(model.l2)
        inputs = keras.Input(base.input_shape[1:])
        tensor = base(inputs, training=False)
        tensor = layers.GlobalAveragePooling2D()(tensor)
        tensor = layers.Dropout(model.dropout)(tensor)
        for width in model.head_width:
            tensor = layers.Dense(width, activation="relu", kernel_regularizer=penalty)(tensor)
        outputs = layers.Dense(self._classes, kernel_regularizer=penalty)(tensor)
        built = keras.Model(inputs, outputs)
        built.compile(
            optimizer=keras.optimizers.Adam(training.learning_rate),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=[
                keras.metrics.SparseCategoricalAccuracy(name="accuracy"),
                keras.metrics.SparseCategoricalCrossentropy(from_logits=True, name="cross_entropy"),
            ],
        )
        return built

    def fit(
        self, model: keras.Model, batch_size: int, epochs: int, callbacks: Sequence[keras.callbacks.Callback] = ()
    ) -> dict[str, list[float]]:
        """Train; returns what `fit` logged of each epoch. "val_cross_entropy" is clean: no dropout, no penalty."""
        history = model.fit(
            self.train.pixels,
            self.train.labels,
            batch_size=batch_size,
            epochs=epochs,
            validation_data=(self.validation.pixels, self.validation.labels),
            callbacks=list(callbacks),
            verbose=0,
        )
        return {name: [float(value) for value in values] for name, values in history.history.items()}


def unfreeze(base: keras.Model, count: int) -> None:
    """Leave the last `count` layers trainable, without their batch norms: as our study does, and nothing else."""
    base.trainable = count > 0
    kept = len(base.layers) - count
    for position, layer in enumerate(base.layers):
        layer.trainable = position >= kept and not isinstance(layer, layers.BatchNormalization)


def _decoded(files: Sequence[tuple[str, int]], size: int, network: Backbone) -> Images:
    """Decode on all cores, as our side does, so that both are given the very same pixels."""
    formats = prepare_decoders()
    pixels = np.empty((len(files), size, size, 3), np.float32)
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for start in range(0, len(files), _DECODED_AT_ONCE):
            paths = [Path(file) for file, _ in files[start : start + _DECODED_AT_ONCE]]
            decoded = np.stack(list(threads.map(lambda path: decode_file(path, size, formats), paths)))
            pixels[start : start + len(paths)] = network.preprocess(decoded)
    # A tensor, since `fit` would copy an array anew in every trial.
    return Images(pixels=tf.convert_to_tensor(pixels), labels=np.array([label for _, label in files], np.int64))
