"""Small networks whose paths can be followed by eye, then the real ones: prefix and tail make the whole."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from numpy.typing import NDArray

from sweep.backbones.catalog import Backbone, load_backbone
from sweep.backbones.cut import (
    INPUT,
    Cut,
    ParameterCounts,
    cut_for,
    cut_shape,
    parameter_counts,
    prefix_model,
    tail_key,
    tail_model,
    unfrozen_names,
)
from sweep.backbones.surgery import dropout_sites
from sweep.errors import BackboneError
from sweep.studyfile.definition import ModelSettings


def made(model: keras.Model) -> Backbone:
    return Backbone(
        name="made",
        weights="none",
        image_size=model.input_shape[1],
        model=model,
        preprocessing="none",
        digest="",
        dropout_sites=dropout_sites(model),
    )


def settings(unfrozen: int = 0, /, **fields: object) -> ModelSettings:
    """A convolution first, so that a cut at the output keeps the whole feature map."""
    return ModelSettings.model_validate({"unfrozen_layers": unfrozen, "conv_filters": 8, **fields})


@pytest.fixture(scope="module")
def residual() -> Backbone:
    """input · a · [drop · b · b_norm] beside a · add · c · c_norm · relu."""
    inputs = keras.Input((16, 16, 3), name="pixels")
    a = layers.Conv2D(4, 3, strides=2, padding="same", name="a")(inputs)
    b = layers.Conv2D(4, 3, padding="same", name="b")(layers.Dropout(0.5, name="drop")(a))
    added = layers.Add(name="add")([a, layers.BatchNormalization(name="b_norm")(b)])
    c = layers.BatchNormalization(name="c_norm")(layers.Conv2D(5, 3, name="c")(added))
    return made(keras.Model(inputs, layers.ReLU(name="relu")(c)))


def pixels(backbone: Backbone, count: int = 2) -> NDArray[np.float32]:
    size = backbone.image_size
    return backbone.preprocess(np.random.default_rng(0).integers(0, 256, (count, size, size, 3)))


# ---- where the cut lies ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unfrozen", "layer"),
    [
        (0, "relu"),  # nothing trains
        (1, "relu"),  # relu has no weights
        (2, "relu"),  # c_norm is frozen
        (3, "add"),  # before c
        (4, "add"),  # add itself has no weights
        (5, "add"),  # b_norm is frozen
        (6, "a"),  # b lies on one of two paths: the cut is where they part
        (7, "a"),  # the dropout before b stays in the tail, for the same reason
        (8, INPUT),  # a trains, and nothing lies before it
        (9, INPUT),
        (99, INPUT),
    ],
)
def test_the_cut_is_the_deepest_tensor_of_every_path_before_what_trains(
    unfrozen: int, layer: str, residual: Backbone
) -> None:
    assert [layer.name for layer in residual.model.layers] == [
        "pixels", "a", "drop", "b", "b_norm", "add", "c", "c_norm", "relu",
    ]  # fmt: skip
    assert cut_for(residual, settings(unfrozen)) == Cut(layer)


@pytest.mark.parametrize(("unfrozen", "layer"), [(1, "relu"), (2, "c"), (5, "a")])
def test_batch_norms_that_train_lie_behind_the_cut(unfrozen: int, layer: str, residual: Backbone) -> None:
    assert cut_for(residual, settings(unfrozen, batch_norm="train")) == Cut(layer)


@pytest.mark.parametrize(
    ("fields", "layer"),
    [
        ({"batch_norm": "legacy"}, "a"),  # before b_norm, which lies on a branch
        ({"batch_norm": "legacy", "unfrozen_layers": 3}, "a"),
        ({"unfrozen": "batch_norm"}, "a"),
        ({"unfrozen": "batch_norm", "unfrozen_layers": 9}, "a"),  # no other layer learns
        ({"dropout_position": "backbone"}, "relu"),  # behind the one activation of a batch norm
        ({"dropout_position": "backbone", "unfrozen_layers": 3}, "add"),
        ({"dropout_position": "backbone", "batch_norm": "legacy"}, "a"),
    ],
)
def test_what_is_something_else_in_training_lies_behind_the_cut(
    fields: dict[str, object], layer: str, residual: Backbone
) -> None:
    cut = cut_for(residual, settings(conv_filters=0, **fields))
    assert cut == Cut(layer)  # never pooled: a tail follows
    assert tail_model(residual, cut, settings(conv_filters=0, **fields)) is not None


def test_an_unfrozen_dropout_of_the_backbone_lies_behind_the_cut() -> None:
    inputs = keras.Input((8, 8, 3))
    tensor = layers.Dropout(0.5, name="drop")(layers.Conv2D(4, 3, name="conv")(inputs))
    backbone = made(keras.Model(inputs, layers.ReLU(name="relu")(tensor)))
    assert [cut_for(backbone, settings(unfrozen)).layer for unfrozen in (1, 2)] == ["relu", "conv"]


def test_padding_alone_is_not_worth_a_cut() -> None:
    # ResNet50 pads its pixels first; cached they would be larger than what they came from.
    inputs = keras.Input((8, 8, 3))
    outputs = layers.Conv2D(4, 3, name="conv")(layers.ZeroPadding2D(3, name="pad")(inputs))
    assert cut_for(made(keras.Model(inputs, outputs)), settings(1)) == Cut(INPUT)


@pytest.mark.parametrize(
    ("filters", "width", "layer"),
    [
        (3, 1, "first"),  # no larger than the pixels
        (4, 1, INPUT),  # larger, and 16 parameters are next to no work
        (4, 49, INPUT),  # 9,604 parameters: a stem as wide as ResNet50's
        (4, 51, "first"),  # 10,404
    ],
)
def test_a_stem_is_not_worth_a_cut_that_is_larger_than_the_pixels(filters: int, width: int, layer: str) -> None:
    inputs = keras.Input((8, 8, 3))
    first = layers.Conv2D(filters, (1, 1), padding="same", name="first")
    wide = layers.Conv2D(3, (width, 1), padding="same", use_bias=False, name="wide")
    tensor = first(inputs if width == 1 else wide(layers.Conv2D(64, 1, use_bias=False, name="open")(inputs)))
    norm = layers.BatchNormalization(name="norm")(tensor)
    backbone = made(keras.Model(inputs, layers.Conv2D(4, 3, name="last")(layers.ReLU(name="relu")(norm))))
    assert cut_for(backbone, settings(batch_norm="legacy")) == Cut(layer)
    assert cut_for(backbone, settings(unfrozen="batch_norm")) == Cut(layer)
    inside = cut_for(backbone, settings(dropout_position="backbone"))
    assert inside == Cut(INPUT if layer == INPUT else "relu")
    assert cut_for(backbone, settings(3, batch_norm="train")) == Cut("first"), "the tail that was asked for"


@pytest.mark.parametrize(
    ("name", "fields", "layer"),
    [
        ("vgg16", {"dropout_position": "backbone"}, INPUT),  # 64 channels of 32 × 32, before any pooling
        ("vgg16", {"unfrozen_layers": 17}, "block1_conv1"),
        ("mobilenet-v2", {"batch_norm": "legacy"}, INPUT),
        ("mobilenet-v2", {"unfrozen_layers": 150}, "Conv1_relu"),
        ("resnet50", {"batch_norm": "legacy"}, INPUT),
        ("resnet50", {"unfrozen_layers": 165}, "pool1_pool"),
    ],
)
def test_where_real_networks_are_cut(name: str, fields: dict[str, object], layer: str) -> None:
    backbone = load_backbone(ModelSettings(backbone=name, weights="none"), 32)
    assert cut_for(backbone, settings(**fields)).layer == layer


def test_a_cut_has_the_shape_of_what_is_computed(residual: Backbone) -> None:
    for cut in (Cut(INPUT), Cut("a"), Cut("relu"), Cut("relu", "avg")):
        prefix = prefix_model(residual, [cut])
        assert cut_shape(residual, cut) == prefix.outputs[0].shape[1:]


def test_a_nested_model_is_one_layer() -> None:
    inputs = keras.Input((8, 8, 3))
    nested = keras.Sequential([layers.Conv2D(4, 3), layers.Conv2D(4, 3)], name="nested")
    outputs = layers.Conv2D(5, 3, name="last")(nested(layers.Conv2D(3, 1, name="first")(inputs)))
    backbone = made(keras.Model(inputs, outputs))
    assert [cut_for(backbone, settings(unfrozen)).layer for unfrozen in (1, 2)] == ["nested", "first"]
    tail = tail_model(backbone, Cut("first"), settings(2))
    assert tail is not None
    assert len(tail.trainable_weights) == 6
    prefix = prefix_model(backbone, [Cut("first")])
    np.testing.assert_allclose(tail(prefix(pixels(backbone))), backbone.model(pixels(backbone)), atol=1e-4)


@pytest.mark.parametrize(
    ("fields", "reduction"),
    [
        ({"conv_filters": 0, "pooling": "avg"}, "avg"),
        ({"conv_filters": 0, "pooling": "max"}, "max"),
        ({"conv_filters": 0, "pooling": "max2d"}, "none"),
        ({"conv_filters": 0, "pooling": "flatten"}, "none"),
        ({"conv_filters": 8, "pooling": "avg"}, "none"),
        ({"conv_filters": 0, "dropout_position": "before_conv", "dropout": 0.0}, "none"),
        ({"conv_filters": 0, "dropout_position": "after_dense", "dropout": 0.5}, "avg"),
    ],
)
def test_the_pooling_belongs_to_the_cut_where_nothing_comes_between(
    fields: dict[str, object], reduction: str, residual: Backbone
) -> None:
    frozen = ModelSettings.model_validate(fields)
    assert cut_for(residual, frozen).reduction == reduction
    assert cut_for(residual, frozen.model_copy(update={"unfrozen_layers": 3})).reduction == "none"


def test_a_cut_that_is_no_cut_is_refused(residual: Backbone) -> None:
    with pytest.raises(BackboneError, match='received a cut at "b"; expected a layer that every path'):
        prefix_model(residual, [Cut("b")])


# ---- the tail --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unfrozen", "batch_norm", "trained"),
    [(6, "frozen", {"b", "c"}), (6, "train", {"b", "b_norm", "c", "c_norm"}), (4, "train", {"c", "c_norm"})],
)
def test_exactly_the_last_layers_train(unfrozen: int, batch_norm: str, trained: set[str], residual: Backbone) -> None:
    model = settings(unfrozen, batch_norm=batch_norm)
    tail = tail_model(residual, Cut("a"), model)
    assert tail is not None
    assert {layer.name for layer in tail.layers if layer.trainable_weights} == trained
    assert len(unfrozen_names(residual, model)) == unfrozen
    assert trained <= set(unfrozen_names(residual, model))


def test_parameters_are_counted_by_what_trains(residual: Backbone) -> None:
    # a: 3·3·3·4 + 4 = 112, b: 3·3·4·4 + 4 = 148, c: 3·3·4·5 + 5 = 185, norms: 4 and 5 values, four times.
    assert parameter_counts(residual, settings()) == ParameterCounts(trainable=0, total=112 + 148 + 185 + 16 + 20)
    assert parameter_counts(residual, settings(6)).trainable == 148 + 185
    assert parameter_counts(residual, settings(6, batch_norm="train")).trainable == 148 + 185 + 8 + 10


@pytest.mark.parametrize(
    ("fields", "trainable"),
    [
        ({"batch_norm": "legacy"}, 0),
        ({"unfrozen": "batch_norm"}, 8 + 10),
        ({"batch_norm": "legacy", "unfrozen_layers": 3}, 185 + 10),  # c and c_norm; b_norm learns nothing
        ({"dropout_position": "backbone"}, 0),
    ],
)
def test_the_tail_trains_as_many_parameters_as_are_counted(
    fields: dict[str, object], trainable: int, residual: Backbone
) -> None:
    model = settings(**fields)
    assert parameter_counts(residual, model).trainable == trainable
    tail = tail_model(residual, cut_for(residual, model), model)
    assert tail is not None
    assert sum(int(np.prod(weight.shape)) for weight in tail.trainable_weights) == trainable


def test_each_tail_has_weights_of_its_own(residual: Backbone) -> None:
    before = residual.model.get_layer("c").get_weights()[0]
    first, second = (tail_model(residual, Cut("add"), settings(3)) for _ in range(2))
    assert first is not None
    assert second is not None
    first.get_layer("c").kernel.assign(np.zeros_like(before))
    np.testing.assert_array_equal(second.get_layer("c").get_weights()[0], before)
    np.testing.assert_array_equal(residual.model.get_layer("c").get_weights()[0], before)


def test_frozen_layers_in_a_tail_stay_in_inference_use(residual: Backbone) -> None:
    # With six layers the dropout before b is frozen, with seven it is unfrozen: only then it drops.
    prefix = prefix_model(residual, [Cut("a")])(pixels(residual), training=False)
    differences = []
    for unfrozen in (6, 7):
        tail = tail_model(residual, Cut("a"), settings(unfrozen))
        assert tail is not None
        differences.append(float(np.abs(np.subtract(tail(prefix, training=True), tail(prefix, training=False))).max()))
    assert differences[0] == 0
    assert differences[1] > 0


def test_without_anything_behind_the_cut_there_is_no_tail(residual: Backbone) -> None:
    assert tail_model(residual, Cut("relu"), settings()) is None


# ---- dropout inside --------------------------------------------------------------------------------------------------


def test_dropout_inside_a_frozen_backbone_drops_in_training_alone(residual: Backbone) -> None:
    model = settings(dropout_position="backbone", dropout=0.25)
    tail = tail_model(residual, Cut("relu"), model)
    assert tail is not None
    assert [layer.name for layer in tail.layers] == ["cut", "relu_dropout"]
    ones = np.ones((64, 6, 6, 5), np.float32)
    np.testing.assert_array_equal(tail(ones, training=False), ones)
    dropped = np.asarray(tail(ones, training=True))
    assert set(np.unique(dropped)) == {np.float32(0), np.float32(1 / 0.75)}
    assert np.mean(dropped == 0) == pytest.approx(0.25, abs=0.03)


def test_spatial_dropout_inside_drops_whole_channels(residual: Backbone) -> None:
    model = settings(dropout_position="backbone", dropout=0.5, dropout_kind="spatial")
    tail = tail_model(residual, Cut("relu"), model)
    assert tail is not None
    dropped = np.asarray(tail(np.ones((32, 6, 6, 5), np.float32), training=True))
    assert (dropped == dropped[:, :1, :1]).all()
    assert 0 < np.mean(dropped[:, 0, 0] == 0) < 1


def test_dropouts_inside_lie_behind_their_activation_and_draw_by_themselves() -> None:
    inputs = keras.Input((8, 8, 3))
    tensor = inputs
    for name in "ab":
        tensor = layers.BatchNormalization(name=f"{name}_norm")(layers.Conv2D(4, 3, name=name)(tensor))
        tensor = layers.ReLU(name=f"{name}_relu")(tensor)
    backbone = made(keras.Model(inputs, tensor))
    model = settings(dropout_position="backbone", dropout=0.5)
    tail = tail_model(backbone, Cut(INPUT), model)
    assert tail is not None
    assert [layer.name for layer in tail.layers] == [
        "cut", "a", "a_norm", "a_relu", "a_relu_dropout", "b", "b_norm", "b_relu", "b_relu_dropout",
    ]  # fmt: skip
    assert len({layer.seed for layer in tail.layers if isinstance(layer, layers.Dropout)}) == 2
    assert cut_for(backbone, model) == Cut("a_relu")


# ---- keys ------------------------------------------------------------------------------------------------------------


def test_a_swept_rate_moves_no_cut_but_asks_for_another_tail(residual: Backbone) -> None:
    tails = [settings(dropout_position="backbone", dropout=rate) for rate in (0.0, 0.1)]
    assert cut_for(residual, tails[0]) == cut_for(residual, tails[1])
    assert len({tail_key(residual, Cut("relu"), model) for model in tails}) == 2


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"unfrozen_layers": 3}, {"unfrozen_layers": 4}),  # add has no weights
        ({"unfrozen_layers": 9}, {"unfrozen_layers": 99}),
        ({"unfrozen_layers": 3, "dropout": 0.5}, {"unfrozen_layers": 3}),  # the head's
        ({"unfrozen_layers": 3, "batch_norm_momentum": 0.5}, {"unfrozen_layers": 3}),  # none learns
        ({"unfrozen": "batch_norm", "batch_norm": "legacy"}, {"unfrozen": "batch_norm", "unfrozen_layers": 3}),
    ],
)
def test_what_builds_the_same_tail_has_the_same_key(
    left: dict[str, object], right: dict[str, object], residual: Backbone
) -> None:
    cuts = {cut_for(residual, settings(**fields)) for fields in (left, right)}
    assert len(cuts) == 1
    (cut,) = cuts
    assert tail_key(residual, cut, settings(**left)) == tail_key(residual, cut, settings(**right)) != ()


def test_what_builds_another_tail_has_another_key(residual: Backbone) -> None:
    asked: list[dict[str, object]] = [
        {"unfrozen_layers": 6},
        {"unfrozen_layers": 7},  # the dropout before b drops
        {"unfrozen_layers": 6, "batch_norm": "train"},
        {"unfrozen_layers": 6, "batch_norm": "train", "batch_norm_momentum": 0.5},
        {"unfrozen_layers": 3, "batch_norm": "legacy"},
        {"batch_norm": "legacy"},
        {"unfrozen": "batch_norm"},
        {"batch_norm": "legacy", "dropout_position": "backbone", "dropout": 0.5},
        {"batch_norm": "legacy", "dropout_position": "backbone", "dropout": 0.5, "dropout_kind": "spatial"},
    ]
    assert {cut_for(residual, settings(**fields)) for fields in asked} == {Cut("a")}
    assert len({tail_key(residual, Cut("a"), settings(**fields)) for fields in asked}) == len(asked)


def test_without_a_tail_the_key_is_empty(residual: Backbone) -> None:
    assert tail_key(residual, Cut("relu"), settings()) == ()
    assert tail_key(residual, Cut("relu", "avg"), settings(1, conv_filters=0)) == ()


# ---- prefix and tail make the whole ----------------------------------------------------------------------------------


def test_pooled_cuts_are_the_means_and_maxima_of_the_map(residual: Backbone) -> None:
    prefix = prefix_model(residual, [Cut("relu"), Cut("relu", "avg"), Cut("add", "max"), Cut("add")])
    relu, average, maximum, add = (np.asarray(output) for output in prefix(pixels(residual), training=False))
    np.testing.assert_allclose(average, relu.mean(axis=(1, 2)), rtol=1e-5)
    np.testing.assert_array_equal(maximum, add.max(axis=(1, 2)))


ALL = 999


@pytest.mark.parametrize(
    ("name", "weights", "depths"),
    [
        ("efficientnet-lite0", "imagenet", (0, 3, 10, 40, ALL)),
        ("mobilenet", "mobilenet_1_0_224_tf_no_top.h5", (3, 20)),
        ("mobilenet-v2", "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_160_no_top.h5", (0, 10, 40)),
        ("mobilenet-v3-small", "none", (10, 40)),  # has operations that are no layers
        ("efficientnet-b0", "none", (10, ALL)),  # begins with a Normalization
        ("resnet50", "none", (10, 40)),
    ],
)
def test_prefix_and_tail_make_the_whole(
    name: str, weights: str, depths: tuple[int, ...], request: pytest.FixtureRequest
) -> None:
    if weights.endswith(".h5"):
        shared: Path = request.getfixturevalue("shared")
        weights = str(shared / "weights" / weights)
    backbone = load_backbone(ModelSettings(backbone=name, weights=weights), 32)
    batch = pixels(backbone, count=3)
    expected = np.asarray(backbone.model(batch, training=False))
    for unfrozen in depths:
        model = settings(unfrozen)
        cut = cut_for(backbone, model)
        tensor = prefix_model(backbone, [cut])(batch, training=False)
        tail = tail_model(backbone, cut, model)
        whole = np.asarray(tensor if tail is None else tail(tensor, training=False))
        np.testing.assert_allclose(whole, expected, rtol=0, atol=1e-4 * np.abs(expected).max(), err_msg=cut.key)
