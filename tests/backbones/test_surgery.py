"""Batch norm folded, taken out and put in; then the two networks of an article, written by hand."""

from __future__ import annotations

from typing import Any, TypeAlias

import keras
import numpy as np
import pytest
from keras import applications, layers
from numpy.typing import NDArray

from sweep.backbones.catalog import load_backbone
from sweep.backbones.cut import INPUT, Cut, cut_for, tail_model
from sweep.backbones.surgery import dropout_sites, operate
from sweep.studyfile.definition import ModelSettings

Tensor: TypeAlias = keras.KerasTensor


def with_used_batch_norms(model: keras.Model) -> keras.Model:
    """Statistics, scales and shifts as if it had been trained: fresh ones are next to nothing."""
    generator = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            around = {"gamma": 1.0, "moving_variance": 1.0}
            layer.set_weights(
                [generator.uniform(-0.5, 0.5, each.shape) + around.get(each.name, 0.0) for each in layer.weights]
            )
    return model


def pixels(size: int, count: int = 2) -> NDArray[np.float32]:
    return np.random.default_rng(1).uniform(-1, 1, (count, size, size, 3)).astype(np.float32)


def kinds(model: keras.Model) -> list[str]:
    return [type(layer).__name__ for layer in model.layers]


def assert_same_function(left: keras.Model, right: keras.Model, size: int) -> None:
    expected = np.asarray(right(pixels(size), training=False))
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(
        left(pixels(size), training=False), expected, rtol=0, atol=1e-4 * float(np.abs(expected).max())
    )


# ---- folded ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "rescalings"),
    [("MobileNet", 0), ("MobileNetV2", 0), ("ResNet50", 0), ("DenseNet121", 62)],  # DenseNet's follow concatenations
)
def test_a_folded_twin_is_the_same_function_without_batch_norm(name: str, rescalings: int) -> None:
    build = getattr(applications, name)
    model = with_used_batch_norms(build(include_top=False, weights=None, input_shape=(32, 32, 3)))
    twin = operate(model, "folded")
    assert "BatchNormalization" not in kinds(twin)
    assert kinds(twin).count("Rescaling") == rescalings
    assert_same_function(twin, model, 32)


LINEAR = {
    "convolution": lambda: layers.Conv2D(4, 3, use_bias=True, bias_initializer="normal"),
    "depthwise": lambda: layers.DepthwiseConv2D(3, depth_multiplier=2, use_bias=False),
    "separable": lambda: layers.SeparableConv2D(4, 3, bias_initializer="normal"),
    "transposed": lambda: layers.Conv2DTranspose(4, 3, bias_initializer="normal"),
    "dense": lambda: layers.Dense(4, bias_initializer="normal"),
}


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("kind", LINEAR)
def test_it_folds_into_each_kind_of_linear_layer(kind: str, scale: bool) -> None:
    inputs = keras.Input((8, 8, 3))
    norm = layers.BatchNormalization(scale=scale, center=scale)
    model = with_used_batch_norms(keras.Model(inputs, layers.ReLU()(norm(LINEAR[kind]()(inputs)))))
    twin = operate(model, "folded")
    assert kinds(twin) == [kinds(model)[0], kinds(model)[1], "ReLU"]
    assert_same_function(twin, model, 8)


def test_a_layer_that_others_see_too_keeps_its_weights() -> None:
    inputs = keras.Input((8, 8, 3))
    seen = layers.Conv2D(4, 3, name="seen")(inputs)
    activated = layers.Conv2D(4, 3, activation="relu", name="activated")(inputs)
    norms = [layers.BatchNormalization(name=f"norm_{number}")(each) for number, each in enumerate((seen, activated))]
    model = with_used_batch_norms(keras.Model(inputs, layers.Concatenate()([seen, *norms])))
    twin = operate(model, "folded")
    assert [type(twin.get_layer(f"norm_{number}")).__name__ for number in (0, 1)] == ["Rescaling"] * 2
    for name in ("seen", "activated"):
        np.testing.assert_array_equal(twin.get_layer(name).kernel, model.get_layer(name).kernel)
    assert_same_function(twin, model, 8)


def test_what_was_folded_in_is_fixed() -> None:
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, layers.ReLU()(layers.BatchNormalization()(layers.MaxPooling2D()(inputs))))
    assert operate(with_used_batch_norms(model), "folded").weights == []


# ---- removed and inserted --------------------------------------------------------------------------------------------


def test_the_layers_that_survive_keep_their_weights() -> None:
    model = with_used_batch_norms(applications.MobileNet(include_top=False, weights=None, input_shape=(32, 32, 3)))
    bare = operate(model, "removed")
    assert [layer.name for layer in bare.layers] == [
        layer.name for layer in model.layers if not isinstance(layer, layers.BatchNormalization)
    ]
    for layer in bare.layers:
        for ours, theirs in zip(layer.get_weights(), model.get_layer(layer.name).get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_what_is_kept_is_the_network_itself() -> None:
    model = keras.Model(inputs := keras.Input((8, 8, 3)), layers.Conv2D(4, 3)(inputs))
    assert operate(model, "kept") is model


def test_vgg_gets_a_batch_norm_between_each_convolution_and_its_activation() -> None:
    model = applications.VGG16(include_top=False, weights=None, input_shape=(32, 32, 3))
    grown = operate(model, "inserted")
    assert kinds(grown).count("BatchNormalization") == 13
    assert [layer.name for layer in grown.layers[1:5]] == [
        "block1_conv1", "block1_conv1_bn", "block1_conv1_activation", "block1_conv2",
    ]  # fmt: skip
    norm = grown.get_layer("block1_conv1_bn")
    assert (norm.momentum, norm.epsilon) == (0.99, 1e-3)
    assert grown.get_layer("block1_conv1").activation is keras.activations.linear
    assert grown.get_layer("block1_conv1_activation").activation is keras.activations.relu
    # A fresh one divides by √(1 + ε); thirteen in a row by its thirteenth power, since relu and biases of 0 keep scale.
    np.testing.assert_allclose(grown(pixels(32)) * 1.001**6.5, model(pixels(32)), rtol=1e-3, atol=1e-6)


def test_only_convolutions_without_one_get_one() -> None:
    inputs = keras.Input((8, 8, 3))
    tensor = layers.BatchNormalization(name="a_norm")(layers.Conv2D(4, 3, name="a")(inputs))
    tensor = layers.BatchNormalization(name="b_norm")(layers.ReLU()(layers.DepthwiseConv2D(3, name="b")(tensor)))
    tensor = layers.Conv2D(4, 1, name="c")(tensor)
    grown = operate(keras.Model(inputs, layers.Dense(2, name="d")(tensor)), "inserted")
    norms = [layer.name for layer in grown.layers if isinstance(layer, layers.BatchNormalization)]
    assert norms == ["a_norm", "b_norm", "c_bn"]


def test_nested_models_and_layers_called_twice_stay_what_they_are() -> None:
    inputs = keras.Input((8, 8, 4))
    nested = keras.Sequential([layers.Conv2D(4, 1), layers.BatchNormalization()], name="nested")
    twice = layers.Conv2D(4, 1, name="twice")
    model = keras.Model(inputs, twice(layers.ReLU()(twice(nested(inputs)))))
    bare = operate(model, "removed")
    assert bare.count_params() == model.count_params()
    batch = np.random.default_rng(0).normal(size=(2, 8, 8, 4))
    np.testing.assert_allclose(bare(batch), model(batch), atol=1e-6)


# ---- where dropout goes ----------------------------------------------------------------------------------------------


def test_dropout_goes_behind_activations_of_batch_norms_alone() -> None:
    inputs = keras.Input((8, 8, 3))
    norm = layers.BatchNormalization()(layers.Conv2D(4, 3)(inputs))
    a = layers.ReLU(name="a")(norm)
    b = layers.Activation("swish", name="b")(norm)  # a second taker of the same batch norm
    linear = layers.Activation("linear", name="linear")(norm)
    c = layers.ReLU(name="c")(layers.Add()([a, b, linear]))  # follows an addition
    d = layers.Conv2D(4, 1, activation="relu", name="d")(c)  # follows no batch norm
    assert dropout_sites(keras.Model(inputs, d)) == ("a", "b")


def test_without_any_batch_norm_it_goes_behind_activations_of_convolutions() -> None:
    inputs = keras.Input((8, 8, 3))
    a = layers.Conv2D(4, 3, activation="relu", name="a")(inputs)
    b = layers.LeakyReLU(name="b_act")(layers.Conv2D(4, 3, name="b")(a))
    c = layers.Dense(4, activation="relu", name="c")(layers.Conv2D(4, 1, name="linear")(b))
    assert dropout_sites(keras.Model(inputs, c)) == ("a", "b_act")


@pytest.mark.parametrize(
    ("name", "count", "first", "last"),
    [
        ("VGG16", 13, "block1_conv1", "block5_conv3"),
        ("MobileNetV2", 35, "Conv1_relu", "out_relu"),  # 17 blocks: 16 + 17 activations; before and after them one
        ("ResNet50", 33, "conv1_relu", "conv5_block3_2_relu"),  # two in each of 16 blocks, not behind the addition
    ],
)
def test_real_networks_have_these_places(name: str, count: int, first: str, last: str) -> None:
    sites = dropout_sites(getattr(applications, name)(include_top=False, weights=None, input_shape=(32, 32, 3)))
    assert (len(sites), sites[0], sites[-1]) == (count, first, last)


# ---- the article's two networks: https://ithelp.ithome.com.tw/, "如果把 Dropout 放在 CNN 之後會發生什麽事" -----------


def article_network(size: int, rate: float, *, with_batch_norm: bool) -> keras.Model:
    def norm(net: Tensor) -> Tensor:
        return layers.BatchNormalization()(net) if with_batch_norm else net

    def activated(net: Tensor) -> Tensor:
        return layers.Dropout(rate)(layers.ReLU(max_value=6)(norm(net)))

    def bottleneck(net: Tensor, filters: int, out_ch: int, strides: int, *, shortcut: bool, zero_pad: bool) -> Tensor:
        padding = "valid" if zero_pad else "same"
        shortcut_net = net
        net = activated(layers.Conv2D(filters * 6, 1, use_bias=False, padding="same")(net))
        if zero_pad:
            net = layers.ZeroPadding2D(padding=((0, 1), (0, 1)))(net)
        net = activated(layers.DepthwiseConv2D(3, strides=strides, use_bias=False, padding=padding)(net))
        net = norm(layers.Conv2D(out_ch, 1, use_bias=False, padding="same")(net))
        return layers.Add()([net, shortcut_net]) if shortcut else net

    inputs = layers.Input(shape=(size, size, 3))
    net = activated(layers.Conv2D(32, 3, (2, 2), use_bias=False, padding="same")(inputs))
    net = activated(layers.DepthwiseConv2D(3, use_bias=False, padding="same")(net))
    net = norm(layers.Conv2D(16, 1, use_bias=False, padding="same")(net))
    filters = 16
    for out_ch, strides in (
        (24, 2), (24, 1), (32, 2), (32, 1), (32, 1), (64, 2), (64, 1), (64, 1), (64, 1), (96, 1), (96, 1), (96, 1),
        (160, 2), (160, 1), (160, 1), (320, 1),
    ):  # fmt: skip
        net = bottleneck(net, filters, out_ch, strides, shortcut=filters == out_ch, zero_pad=strides == 2)
        filters = out_ch
    return keras.Model(inputs, activated(layers.Conv2D(1280, 1, use_bias=False, padding="same")(net)))


def described(model: keras.Model) -> list[tuple[str, dict[str, Any]]]:
    """Class and settings of each layer, but for names and seeds, which differ by nature."""
    without = ("name", "seed")
    return [
        (type(layer).__name__, {key: value for key, value in layer.get_config().items() if key not in without})
        for layer in model.layers
    ]


@pytest.mark.parametrize("size", [96, 224])
@pytest.mark.parametrize("batch_norm", ["removed", "kept"])
def test_the_articles_networks_are_built_layer_for_layer(batch_norm: str, size: int) -> None:
    settings = ModelSettings.model_validate(
        {
            "backbone": "mobilenet-v2", "weights": "none", "unfrozen_layers": 999, "batch_norm": "train",
            "batch_norm_momentum": 0.99, "backbone_batch_norm": batch_norm, "dropout": 0.1,
            "dropout_position": "backbone",
        }
    )  # fmt: skip
    backbone = load_backbone(settings, size)
    assert cut_for(backbone, settings) == Cut(INPUT)
    ours = tail_model(backbone, Cut(INPUT), settings)
    theirs = article_network(size, 0.1, with_batch_norm=batch_norm == "kept")
    assert ours is not None
    # Keras' last convolution, of 1 × 1 pixels, says "valid" where the article says "same": neither pads.
    last = ours.get_layer("Conv_1")
    assert (last.kernel_size, last.padding) == ((1, 1), "valid")
    last.padding = "same"
    assert described(ours) == described(theirs)
    assert {layer.rate for layer in ours.layers if isinstance(layer, layers.Dropout)} == {0.1}
    theirs.set_weights(with_used_batch_norms(ours).get_weights())
    assert_same_function(ours, theirs, size)
