"""What of a study's settings a loaded model tells."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers, regularizers

from sweep.training.foreign import load_foreign
from sweep.training.keras_file import read_keras_file
from sweep.training.reading_off import ReadOff, pixels_of_backbone, read_off

SIZE = 32
Read = Callable[[keras.Model], ReadOff]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Save a model, load it as the user's, and read it."""

    def found(model: keras.Model) -> ReadOff:
        model.save(tmp_path / "model.keras")
        return read_off(load_foreign(read_keras_file(str(tmp_path / "model.keras"))))

    return found


@pytest.fixture(scope="module")
def mobilenet() -> keras.Model:
    """The smallest of the catalog to build; 86 layers."""
    return keras.applications.MobileNet(include_top=False, weights=None, input_shape=(SIZE, SIZE, 3))


def test_a_nested_frozen_backbone_and_its_head(read: Read, mobilenet: keras.Model) -> None:
    mobilenet.trainable = False
    l2 = regularizers.L2(1e-3)
    model = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            layers.Rescaling(1 / 127.5, offset=-1),
            mobilenet,
            layers.GlobalMaxPooling2D(),
            layers.Dense(64, kernel_regularizer=l2, kernel_initializer="he_normal"),
            layers.BatchNormalization(),
            layers.Activation("elu"),
            layers.Dropout(0.4),
            layers.Dense(16, activation="elu", kernel_regularizer=l2, kernel_initializer="he_normal"),
            layers.Dropout(0.2),
            layers.Dense(3, activation="softmax", kernel_regularizer=l2, kernel_initializer="he_normal"),
        ]
    )
    model.compile(keras.optimizers.AdamW(5e-4), "categorical_crossentropy")
    found = read(model)
    assert found.backbone == "mobilenet"
    assert found.model == {
        "backbone": "mobilenet",
        "unfrozen_layers": 0,
        "batch_norm": "frozen",
        "pooling": "max",
        "head_batch_norm": True,
        "activation": "elu",
        "head_width": [64, 16],
        "dropout": [0.4, 0.2],
        "dropout_position": "after_dense",
        "l2": 1e-3,
        "kernel_initializer": "he_normal",
    }
    assert found.training == {"optimizer": "adamw", "learning_rate": 5e-4}
    assert (found.widths, found.rates, found.head_known, found.unread) == ([64, 16], [0.4, 0.2], True, [])


def test_a_backbone_that_is_not_nested_and_learns_in_its_last_layers(read: Read, mobilenet: keras.Model) -> None:
    mobilenet.trainable = True
    for layer in mobilenet.layers[:-6]:
        layer.trainable = False
    tensor = layers.Dropout(0.3)(layers.GlobalAveragePooling2D()(mobilenet.output))
    found = read(keras.Model(mobilenet.input, layers.Dense(2, activation="sigmoid")(tensor)))
    assert found.backbone == "mobilenet"
    expected = {
        "unfrozen_layers": 6,
        "batch_norm": "train",
        "pooling": "avg",
        "dropout": 0.3,
        "dropout_position": "after_pooling",
        "head_width": [],
        "output": "sigmoid",
    }
    assert {name: found.model.get(name) for name in expected} == expected
    assert (found.head_known, found.unread) == (True, [])
    assert found.training == {}, "it was never compiled"


def test_what_no_field_says_is_told(read: Read, mobilenet: keras.Model) -> None:
    mobilenet.trainable = False
    tensor = layers.Conv2D(24, 3, strides=1, padding="same", name="same")(mobilenet.output)
    tensor = layers.SpatialDropout2D(0.1)(tensor)
    tensor = layers.Dropout(0.6)(layers.Flatten()(tensor))
    tensor = layers.Dense(8, activation="softplus", kernel_regularizer=regularizers.L2(0.01))(tensor)
    model = keras.Model(mobilenet.input, layers.Dense(2)(tensor))
    model.compile(keras.optimizers.Lion(1e-4), "mse")
    found = read(model)
    assert found.unread == [
        "its layer 'same' (Conv2D)",
        "another dropout of 0.1",
        "that l2 differs from layer to layer: 0, 0.01, 0",
        "its activation softplus",
        "its optimizer lion",
    ]
    assert not found.head_known
    assert (found.model["pooling"], found.model["dropout"], found.model["l2"]) == ("flatten", 0.6, 0.01)


def test_a_network_of_ones_own_has_a_head_where_it_is_frozen(read: Read) -> None:
    def model(*, frozen: bool) -> keras.Model:
        conv = layers.Conv2D(8, 3, trainable=not frozen)
        parts = (conv, layers.GlobalAveragePooling2D(), layers.Dense(4, activation="relu"), layers.Dense(2))
        return keras.Sequential([keras.Input((SIZE, SIZE, 3)), *parts])

    frozen, learning = read(model(frozen=True)), read(model(frozen=False))
    assert frozen.backbone == learning.backbone == ""
    assert (frozen.widths, frozen.head_known) == ([4], True)
    assert (learning.widths, learning.head_known) == ([], False)
    assert frozen.unread == ["its backbone, which is none of the catalog"]


@pytest.mark.parametrize(
    ("before", "given", "expected"),
    [
        ([], "torch", "torch"),
        ([layers.RandomFlip(), layers.Rescaling(1 / 127.5, offset=-1)], "none", "-1..1"),
        ([layers.Rescaling(1 / 255)], "none", "0..1"),
        ([layers.Rescaling(1 / 255)], "0..1", ""),
    ],
)
def test_the_backbone_may_be_given_other_pixels_than_the_model(
    mobilenet: keras.Model, tmp_path: Path, before: list[keras.layers.Layer], given: str, expected: str
) -> None:
    mobilenet.trainable = False
    head = (layers.GlobalAveragePooling2D(), layers.Dense(2))
    keras.Sequential([keras.Input((SIZE, SIZE, 3)), *before, mobilenet, *head]).save(tmp_path / "model.keras")
    foreign = load_foreign(read_keras_file(str(tmp_path / "model.keras")))
    pixels = np.random.default_rng(0).integers(0, 256, (4, SIZE, SIZE, 3)).astype(np.uint8)
    assert pixels_of_backbone(foreign, read_off(foreign), pixels, given) == expected
