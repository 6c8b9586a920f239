"""The heads of the questions, each written by hand in plain Keras beside the settings that mean it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, regularizers

from sweep.errors import TrialError
from sweep.studyfile.definition import ModelSettings
from sweep.training.fused import draw_mask
from sweep.training.head import dropouts
from sweep.training.knobs import Knobs, MaskedDropout
from sweep.training.model import build_trainable, dropout_rates, penalty

Written = tuple[str, dict[str, Any]]


def build(settings: ModelSettings, shape: tuple[int, ...] = (6, 6, 24), classes: int = 3) -> keras.Model:
    knobs = Knobs(len(dropouts(settings)), draw_mask)
    model = build_trainable(settings, tail=None, input_shape=shape, num_classes=classes, parts=knobs)
    knobs.turn(
        rates=dropout_rates(settings),
        l1=settings.l1,
        l2=settings.l2,
        activity_l2=settings.activity_l2,
        seed=np.random.SeedSequence(1),
    )
    return model


def by_hand(shape: tuple[int, ...], *following: keras.layers.Layer) -> keras.Model:
    return keras.Sequential([keras.Input(shape), *following])


def written(model: keras.Model, activation: str | None = None) -> list[Written]:
    """Layer classes with their configurations, names aside; the activation of the output stands by itself at the end.

    Args:
        model: ours or Keras' own.
        activation: of the output where the model gives logits.
    """
    found = [_written(layer) for layer in model.layers if not isinstance(layer, layers.InputLayer)]
    found = [one for one in found if one != ("Dropout", {"rate": 0.0})]
    if activation is None:
        activation = found[-1][1]["activation"]
        found[-1][1]["activation"] = "linear"
    elif activation == "sigmoid":
        kind, config = found.pop()
        assert (kind, config["activation"]) == ("Activation", "log_sigmoid")
    return [*found, ("output", {"activation": activation})]


def _written(layer: keras.layers.Layer) -> Written:
    if isinstance(layer, MaskedDropout):
        kind = "SpatialDropout2D" if layer.whole_channels else "Dropout"
        return kind, {"rate": round(layer.rate, 6)}
    if isinstance(layer, layers.Dropout | layers.SpatialDropout2D):
        return type(layer).__name__, {"rate": layer.rate}
    config = {key: value for key, value in layer.get_config().items() if key not in ("name", "dtype")}
    for place in ("kernel_regularizer", "activity_regularizer"):
        if place in config or place == "activity_regularizer":
            config[place] = _factors(getattr(layer, place))
    return type(layer).__name__, config


def _factors(regularizer: keras.regularizers.Regularizer | None) -> dict[str, float] | None:
    factors = {} if regularizer is None else regularizer.get_config()
    return {name: round(float(value), 6) for name, value in factors.items() if value} or None


RELU = "relu"
QUESTIONS: dict[str, tuple[dict[str, Any], tuple[int, ...], int, Callable[[], Sequence[keras.layers.Layer]]]] = {
    "toys": (
        {"conv_filters": 32, "dropout": 0.5, "dropout_position": "after_conv"},
        (7, 7, 16),
        5,
        lambda: [
            layers.Conv2D(32, 3, activation=RELU),
            layers.Dropout(0.5),
            layers.GlobalAveragePooling2D(),
            layers.Dense(5, activation="softmax"),
        ],
    ),
    "toys, another dropout in front": (
        {"conv_filters": 32, "dropout": 0.5, "dropout_position": "both"},
        (7, 7, 16),
        5,
        lambda: [
            layers.Dropout(0.5),
            layers.Conv2D(32, 3, activation=RELU),
            layers.Dropout(0.5),
            layers.GlobalAveragePooling2D(),
            layers.Dense(5, activation="softmax"),
        ],
    ),
    "toys, the regularised layers of the answer with MaxPool2D": (
        {
            "conv_filters": 64,
            "conv_stride": 3,
            "pooling": "max2d",
            "output": "sigmoid",
            "l2": 0.001,
            "activity_l2": 0.001,
            "dropout_position": "after_conv",
        },
        (16, 16, 4),
        10,
        lambda: [
            layers.Conv2D(
                64,
                3,
                3,
                activation=RELU,
                activity_regularizer=regularizers.L2(0.001),
                kernel_regularizer=regularizers.L2(0.001),
            ),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(10, activation="sigmoid", kernel_regularizer=regularizers.L2(0.001)),
        ],
    ),
    "toys, the answer's l1_l2 and batch norm": (
        {"head_width": (32,), "head_batch_norm": True, "l1": 0.01, "l2": 0.02, "dropout_position": "after_pooling"},
        (5, 5, 8),
        5,
        lambda: [
            layers.GlobalAveragePooling2D(),
            layers.Dense(32, kernel_regularizer=regularizers.L1L2(0.01, 0.02)),
            layers.BatchNormalization(),
            layers.Activation(RELU),
            layers.Dense(5, activation="softmax", kernel_regularizer=regularizers.L1L2(0.01, 0.02)),
        ],
    ),
    "two small classes, a smaller map": (
        {"pooling": "flatten", "head_width": (1024, 512, 256), "dropout": 0.5, "dropout_position": "after_dense"},
        (2, 2, 8),
        2,
        lambda: [
            layers.Flatten(),
            *(layer for width in (1024, 512, 256) for layer in (layers.Dense(width, RELU), layers.Dropout(0.5))),
            layers.Dense(2, activation="softmax"),
        ],
    ),
    "two small classes, the answer about batch norm": (
        {"head_width": (1024,), "dropout": 0.5, "dropout_position": "after_dense"},
        (2, 2, 8),
        2,
        lambda: [
            layers.GlobalAveragePooling2D(),
            layers.Dense(1024, RELU),
            layers.Dropout(0.5),
            layers.Dense(2, activation="softmax"),
        ],
    ),
    "radar": (
        {"head_width": (4, 4), "dropout": (0.8, 0.0), "dropout_position": "after_dense"},
        (4, 4, 20),
        4,
        lambda: [
            layers.GlobalAveragePooling2D(),
            layers.Dense(4, activation=RELU),
            layers.Dropout(0.8),
            layers.Dense(4, activation=RELU),
            layers.Dense(4, activation="softmax"),
        ],
    ),
    "spatial dropout around a normed convolution": (
        {
            "conv_filters": 6,
            "head_batch_norm": True,
            "activation": "elu",
            "kernel_initializer": "he_normal",
            "dropout": 0.3,
            "dropout_position": "both",
            "dropout_kind": "spatial",
            "pooling": "max",
        },
        (5, 5, 8),
        3,
        lambda: [
            layers.SpatialDropout2D(0.3),
            layers.Conv2D(6, 3, kernel_initializer="he_normal"),
            layers.BatchNormalization(),
            layers.Activation("elu"),
            layers.SpatialDropout2D(0.3),
            layers.GlobalMaxPooling2D(),
            layers.Dense(3, activation="softmax", kernel_initializer="he_normal"),
        ],
    ),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_head_is_the_one_that_was_written_by_hand(question: str) -> None:
    fields, shape, classes, hand_written = QUESTIONS[question]
    settings = ModelSettings.model_validate(fields)
    ours, hand = build(settings, shape, classes), by_hand(shape, *hand_written())
    assert written(ours, settings.output) == written(hand)

    generator = np.random.default_rng(0)
    hand.set_weights([generator.uniform(0.1, 0.5, weight.shape) for weight in hand.weights])
    ours.set_weights(hand.get_weights())
    inputs = generator.normal(size=(9, *shape)).astype(np.float32)
    logits = ours(inputs)
    probabilities = keras.ops.exp(logits) if settings.output == "sigmoid" else keras.ops.softmax(logits)
    np.testing.assert_allclose(probabilities, hand(inputs), rtol=2e-5, atol=1e-7)

    assert float(sum(ours.losses)) == pytest.approx(float(sum(hand.losses)), rel=1e-5)
    kernels = sum(weight.regularizer(weight) for weight in hand.trainable_weights if weight.regularizer)
    assert float(penalty(ours)) == pytest.approx(float(kernels), rel=1e-5)


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        (ModelSettings(), "pool dropout_after_pooling logits"),
        (
            ModelSettings(conv_filters=8, dropout_position="both", head_width=(16,)),
            "dropout_before_conv conv dropout_after_conv pool dense_1 logits",
        ),
        (ModelSettings(dropout_position="both"), "dropout_before_conv pool logits"),
        (ModelSettings(dropout_position="after_dense"), "pool dropout_after_pooling logits"),
        (ModelSettings(dropout_position="backbone", head_width=(16,)), "pool dense_1 logits"),
        (
            ModelSettings(head_width=(16, 8), dropout_position="after_dense", pooling="max2d"),
            "pool flatten dense_1 dropout_after_dense_1 dense_2 dropout_after_dense_2 logits",
        ),
        (ModelSettings(pooling="flatten", conv_filters=4), "conv flatten dropout_after_pooling logits"),
        (
            ModelSettings(conv_filters=4, head_width=(8,), head_batch_norm=True, output="sigmoid"),
            "conv conv_norm conv_activation pool dropout_after_pooling dense_1 dense_1_norm dense_1_activation logits "
            "log_sigmoid",
        ),
    ],
)
def test_the_head_is_in_the_order_of_the_study_file(settings: ModelSettings, names: str) -> None:
    assert [layer.name for layer in build(settings).layers[1:]] == names.split()


def test_pooled_features_are_not_pooled_again() -> None:
    assert [layer.name for layer in build(ModelSettings(), (24,)).layers[1:]] == ["dropout_after_pooling", "logits"]


def test_sigmoid_outputs_have_the_loss_that_keras_computes_of_their_numbers() -> None:
    inputs, labels = np.random.default_rng(1).normal(size=(50, 24)).astype(np.float32), np.arange(50) % 3
    model = build(ModelSettings(output="sigmoid"), (24,))
    hand = by_hand((24,), layers.Dense(3, activation="sigmoid"))
    hand.set_weights(model.get_weights())
    ours = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(labels, model(inputs))
    said = np.asarray(hand(inputs))
    sparse = keras.losses.SparseCategoricalCrossentropy(from_logits=False)(labels, said)
    one_hot = keras.losses.CategoricalCrossentropy(from_logits=False)(np.eye(3)[labels], said)
    assert float(ours) == pytest.approx(float(sparse), rel=1e-6)
    assert float(ours) == pytest.approx(float(one_hot), rel=1e-6)


def test_keras_itself_trains_a_sigmoid_output_by_the_softmax_of_what_lies_before_it() -> None:
    """Its losses look for the layer that made the probabilities; so there "sigmoid" is our "softmax"."""
    inputs, labels = np.random.default_rng(1).normal(size=(50, 24)).astype(np.float32), np.arange(50) % 3
    model = build(ModelSettings(), (24,))
    hand = by_hand((24,), layers.Dense(3, activation="sigmoid"))
    hand.set_weights(model.get_weights())
    hand.compile(loss="sparse_categorical_crossentropy")
    ours = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(labels, model(inputs))
    assert hand.evaluate(inputs, labels, verbose=0) == pytest.approx(float(ours), rel=1e-5)


def test_spatial_dropout_takes_whole_channels_of_maps_and_single_numbers_of_vectors() -> None:
    settings = ModelSettings(dropout=0.5, dropout_kind="spatial", dropout_position="before_conv", pooling="flatten")
    dropout = build(settings, (4, 4, 64)).get_layer("dropout_before_conv")
    said = np.asarray(dropout(np.ones((3, 4, 4, 64), np.float32), training=True))
    assert set(np.unique(said)) == {0.0, 2.0}
    assert (said == said[:, :1, :1]).all(), "a channel is dropped everywhere or nowhere"
    assert (said[0] != said[1]).any(), "each image has channels of its own"
    vector = build(ModelSettings(dropout=0.5, dropout_kind="spatial"), (64,)).get_layer("dropout_after_pooling")
    assert set(np.unique(vector(np.ones((3, 64), np.float32), training=True))) == {0.0, 2.0}


def test_activities_are_penalised_by_their_squares_for_each_image_of_the_batch() -> None:
    model = build(ModelSettings(head_width=(2,), activity_l2=0.5, activation="linear"), (2,))
    model.set_weights([np.eye(2), np.zeros(2), np.zeros((2, 3)), np.zeros(3)])
    model(np.array([[1.0, 2.0], [3.0, 0.0]], np.float32))
    assert float(sum(model.losses)) == pytest.approx(0.5 * (1 + 4 + 9) / 2)
    assert float(penalty(model)) == 0, "no kernel is penalised"


def test_with_batch_norm_it_is_the_activated_numbers_that_are_penalised() -> None:
    model = build(ModelSettings(head_width=(2,), activity_l2=0.5, head_batch_norm=True), (2,))
    model.set_weights(
        [np.eye(2), np.zeros(2), np.ones(2), np.zeros(2), np.zeros(2), np.ones(2), np.zeros((2, 3)), np.zeros(3)]
    )
    model(np.array([[1.0, -2.0]], np.float32))
    assert float(sum(model.losses)) == pytest.approx(0.5, rel=2e-3), "the negative one is cut off"


def test_the_penalty_outside_of_a_call_is_of_the_present_weights() -> None:
    model = build(ModelSettings(head_width=(2,), l2=0.1, activity_l2=0.5), (2,))
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(np.ones((4, 2), np.float32), np.arange(4) % 3, batch_size=3, verbose=0)
    model.set_weights([np.full(weight.shape, 2.0) for weight in model.weights])
    # 2 · 2 and 2 · 3 numbers in the kernels, biases do not count; model.losses still holds tensors of the batch.
    assert float(penalty(model)) == pytest.approx(0.1 * (4 + 6) * 4)


def test_parameters_are_those_of_the_keras_layers_and_nothing_else() -> None:
    # 3·3·24·8 + 8 of the convolution, 8·16 + 16 and 16·3 + 3 of the dense layers; rates and the like do not count.
    model = build(ModelSettings(conv_filters=8, head_width=(16,), dropout=0.5, l1=0.1, l2=0.1, activity_l2=0.1))
    assert model.count_params() == 1736 + 144 + 51


@pytest.mark.parametrize(
    ("settings", "shape", "message"),
    [
        (ModelSettings(conv_filters=8), (2, 2, 24), r"feature map of 2 × 2.*at least 3 × 3.*raise data.image_size"),
        (ModelSettings(pooling="max2d"), (1, 1, 24), r"feature map of 1 × 1.*at least 2 × 2.*raise data.image_size"),
        (ModelSettings(conv_filters=8, pooling="max2d"), (3, 3, 24), r"feature map of 1 × 1"),
        (ModelSettings(conv_filters=8, conv_stride=4, pooling="max2d"), (6, 6, 24), r"feature map of 1 × 1"),
    ],
)
def test_a_map_smaller_than_the_window_is_refused(
    settings: ModelSettings, shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(TrialError, match=message):
        build(settings, shape)


@pytest.mark.parametrize(
    "name", ["relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "swish", "tanh", "sigmoid", "linear"]
)
def test_every_activation_is_one_of_keras(name: str) -> None:
    model = build(ModelSettings.model_validate({"head_width": (3,), "activation": name}), (5,))
    inputs = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
    (dense,) = [layer for layer in model.layers if layer.name == "dense_1"]
    linear = inputs @ np.asarray(dense.kernel)
    np.testing.assert_allclose(dense(inputs), keras.activations.get(name)(linear), rtol=1e-5, atol=1e-6)
