"""The models of the users' questions, written straight from their code, are the ones that a study file trains.

Left of each comparison stands plain Keras in the words of the question (in Keras 3's spelling), right the settings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
import numpy as np
import pytest
from keras import layers
from keras.applications import InceptionV3, MobileNet, MobileNetV2, ResNet50
from keras.regularizers import l2

from sweep.backbones.catalog import load_backbone
from sweep.backbones.cut import cut_for, prefix_model, tail_model
from sweep.studyfile.definition import ModelSettings
from sweep.training.fused import draw_mask
from sweep.training.knobs import Knobs, MaskedDropout
from sweep.training.model import build_trainable, dropout_rates, whole_parameters

SIZE = 96
TOYS, TWO, RADAR = 5, 2, 4

Written: TypeAlias = tuple[keras.Model, keras.Model]
"""The backbone, and the whole model with it."""


def toys_with_dropout_behind_the_convolution() -> Written:
    base_model = MobileNet(input_shape=(SIZE, SIZE, 3), include_top=False, weights=None)
    base_model.trainable = False
    return base_model, keras.Sequential(
        [
            base_model,
            layers.Conv2D(32, 3, activation="relu"),
            layers.Dropout(0.5),
            layers.GlobalAveragePooling2D(),
            layers.Dense(TOYS, activation="softmax"),
        ]
    )


def toys_with_dropout_on_both_sides() -> Written:
    base_model = MobileNet(input_shape=(SIZE, SIZE, 3), include_top=False, weights=None)
    base_model.trainable = False
    return base_model, keras.Sequential(
        [
            base_model,
            layers.Dropout(0.5),
            layers.Conv2D(32, 3, activation="relu"),
            layers.Dropout(0.5),
            layers.GlobalAveragePooling2D(),
            layers.Dense(TOYS, activation="softmax"),
        ]
    )


def toys_as_the_answer_regularises_them() -> Written:
    regularizer = l2(0.001)
    base_model = MobileNet(input_shape=(SIZE, SIZE, 3), include_top=False, weights=None)
    base_model.trainable = False
    return base_model, keras.Sequential(
        [
            base_model,
            layers.Conv2D(
                64, 3, strides=3, activation="relu", activity_regularizer=regularizer, kernel_regularizer=regularizer
            ),
            layers.GlobalMaxPooling2D(),
            layers.Dense(TOYS, activation="sigmoid", kernel_regularizer=regularizer),
        ]
    )


def two_classes_with_three_dense_layers() -> Written:
    base_model = ResNet50(weights=None, include_top=False, input_shape=(SIZE, SIZE, 3))
    for layer in base_model.layers:
        layer.trainable = False
    x = layers.Flatten()(base_model.output)
    for fc in [1024, 512, 256]:
        x = layers.Dense(fc, activation="relu")(x)
        x = layers.Dropout(0.5)(x)
    return base_model, keras.Model(inputs=base_model.input, outputs=layers.Dense(TWO, activation="softmax")(x))


def two_classes_with_batch_norms_that_learn() -> Written:
    base_model = InceptionV3(input_shape=(SIZE, SIZE, 3), include_top=False, weights=None, pooling="avg")
    base_model.trainable = True
    for layer in base_model.layers:
        layer.trainable = "BatchNormalization" in layer.__class__.__name__
    x = layers.Dense(1024, activation="relu")(base_model.output)
    x = layers.Dropout(0.5)(x)
    return base_model, keras.Model(inputs=base_model.input, outputs=layers.Dense(TWO, activation="softmax")(x))


def radar_with_a_narrow_head() -> Written:
    base_model = MobileNetV2(input_shape=(SIZE, SIZE, 3), weights=None, include_top=False)
    x = layers.GlobalAveragePooling2D()(base_model.output)
    x = layers.Dense(4, activation="relu")(x)
    x = layers.Dropout(0.8)(x)
    x = layers.Dense(4, activation="relu")(x)
    model = keras.Model(inputs=base_model.input, outputs=layers.Dense(RADAR, activation="softmax")(x))
    for layer in model.layers[:-4]:
        layer.trainable = False
    return base_model, model


def radar_trained_fully() -> Written:
    base_model = MobileNetV2(input_shape=(SIZE, SIZE, 3), weights=None, include_top=False)
    x = layers.GlobalAveragePooling2D()(base_model.output)
    return base_model, keras.Model(inputs=base_model.input, outputs=layers.Dense(RADAR, activation="softmax")(x))


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A model in the user's words and as settings."""

    theirs: Callable[[], Written]
    ours: dict[str, Any]
    classes: int


QUESTIONS = (
    Question(
        theirs=toys_with_dropout_behind_the_convolution,
        ours={"backbone": "mobilenet", "conv_filters": 32, "dropout": 0.5, "dropout_position": "after_conv"},
        classes=TOYS,
    ),
    Question(
        theirs=toys_with_dropout_on_both_sides,
        ours={"backbone": "mobilenet", "conv_filters": 32, "dropout": 0.5, "dropout_position": "both"},
        classes=TOYS,
    ),
    Question(
        theirs=toys_as_the_answer_regularises_them,
        ours={
            "backbone": "mobilenet",
            "conv_filters": 64,
            "conv_stride": 3,
            "pooling": "max",
            "l2": 1e-3,
            "activity_l2": 1e-3,
            "output": "sigmoid",
        },
        classes=TOYS,
    ),
    Question(
        theirs=two_classes_with_three_dense_layers,
        ours={
            "backbone": "resnet50",
            "pooling": "flatten",
            "head_width": [1024, 512, 256],
            "dropout": 0.5,
            "dropout_position": "after_dense",
        },
        classes=TWO,
    ),
    Question(
        theirs=two_classes_with_batch_norms_that_learn,
        ours={
            "backbone": "inception-v3",
            "unfrozen": "batch_norm",
            "head_width": [1024],
            "dropout": 0.5,
            "dropout_position": "after_dense",
        },
        classes=TWO,
    ),
    Question(
        theirs=radar_with_a_narrow_head,
        ours={
            "backbone": "mobilenet-v2",
            "head_width": [4, 4],
            "dropout": [0.8, 0.0],
            "dropout_position": "after_dense",
        },
        classes=RADAR,
    ),
    Question(
        theirs=radar_trained_fully,
        ours={"backbone": "mobilenet-v2", "unfrozen_layers": 999, "batch_norm": "train"},
        classes=RADAR,
    ),
)
# The fourth question's two networks are compared in tests/backbones/test_surgery.py.


@pytest.mark.slow
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.theirs.__name__)
def test_a_study_trains_the_model_of_the_question(question: Question) -> None:
    base_model, theirs = question.theirs()
    asked = acting(
        [*base_model.layers, *(layer for layer in theirs.layers if layer not in [base_model, *base_model.layers])]
    )
    parts, mine, trained = ours(question)
    assert [described(layer) for layer in mine] == [described(layer) for layer in asked]
    assert trained == sum(math.prod(weight.shape) for weight in theirs.trainable_weights)

    generator = np.random.default_rng(1)
    for one, other in zip(mine, asked, strict=True):
        for weight, twin in zip(one.weights, other.weights, strict=True):
            values = drawn(weight, generator)
            weight.assign(values)
            twin.assign(values)
    images = generator.uniform(-1, 1, (2, SIZE, SIZE, 3)).astype(np.float32)
    for weight, twin in zip(mine[-1].weights, asked[-1].weights, strict=True):
        # Softmax tells logits apart only while they are small.
        weight.assign(weight / np.std(through(parts, images)))
        twin.assign(weight)
    logits = through(parts, images)
    said = np.asarray(theirs(images, training=False))
    assert said.std(axis=0).max() > 1e-4, "both images look alike to it"
    np.testing.assert_allclose(keras.ops.softmax(logits), said / said.sum(axis=1, keepdims=True), atol=1e-5)


def through(parts: Iterable[keras.Model], images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Logits."""
    for part in parts:
        images = keras.tree.flatten(part(images, training=False))[0]
    return np.asarray(images)


def drawn(weight: keras.Variable, generator: np.random.Generator) -> np.ndarray[Any, Any]:
    """Values that keep a signal alive through many layers."""
    if weight.name != "kernel":
        return generator.normal(0.0, 0.05, weight.shape) + (weight.name in ("gamma", "moving_variance"))
    depthwise = weight.shape[-1] == 1
    return generator.normal(0.0, math.sqrt(2 / math.prod(weight.shape[: 2 if depthwise else -1])), weight.shape)


def ours(question: Question) -> tuple[list[keras.Model], list[keras.layers.Layer], int]:
    """Frozen prefix and what trains, as every trial has them; their layers in order; how many parameters train."""
    settings = ModelSettings.model_validate({"weights": "none", **question.ours})
    backbone = load_backbone(settings, SIZE)
    cut = cut_for(backbone, settings)
    prefix, tail = prefix_model(backbone, [cut]), tail_model(backbone, cut, settings)
    rates = dropout_rates(settings)
    knobs = Knobs(len(rates), draw_mask)
    knobs.turn(
        rates=rates,
        l1=settings.l1,
        l2=settings.l2,
        activity_l2=settings.activity_l2,
        seed=np.random.SeedSequence(0),
    )
    shape = tuple(prefix.outputs[0].shape[1:])
    trainable = build_trainable(settings, tail=tail, input_shape=shape, num_classes=question.classes, parts=knobs)
    frozen = {layer.name: layer for layer in [*prefix.layers, *(tail.layers if tail else [])]}
    names = [layer.name for layer in backbone.model.layers]
    head = [layer for layer in (*prefix.layers, *trainable.layers) if layer.name not in names and layer is not tail]
    counts = whole_parameters(backbone, settings, trainable, tail)
    return [prefix, trainable], acting([*(frozen[name] for name in names), *head]), counts.trainable


def acting(found: Iterable[keras.layers.Layer]) -> list[keras.layers.Layer]:
    """Those that do anything: an input only names a place, and our logits are the softmax's own."""
    return [
        layer
        for layer in found
        if not isinstance(layer, layers.InputLayer)
        and layer.name != "log_sigmoid"
        and not (isinstance(layer, (layers.Dropout, MaskedDropout)) and layer.rate == 0)
    ]


_OWN = ("name", "seed", "trainable", "dtype", "kernel_regularizer", "activity_regularizer")


def described(layer: keras.layers.Layer) -> tuple[str, Any]:
    """Kind, configuration and penalties; the last layer gives logits here and probabilities there."""
    if isinstance(layer, (layers.Dropout, MaskedDropout)):
        return "Dropout", round(layer.rate, 6)
    settings = {key: value for key, value in layer.get_config().items() if key not in _OWN}
    if isinstance(layer, layers.Dense) and settings["activation"] in ("softmax", "sigmoid"):
        settings["activation"] = "linear"
    for kind in ("kernel_regularizer", "activity_regularizer"):
        regularizer = getattr(layer, kind, None)
        # Of ten numbers 2, so that squares and absolute values differ.
        settings[kind] = 0.0 if regularizer is None else round(float(regularizer(2 * keras.ops.ones((1, 10)))), 6)
    return type(layer).__name__, settings
