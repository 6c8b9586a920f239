"""Who learns, runs on the batch or drops out; then what plain Keras does with the layers that are made of it."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest
from keras import layers
from numpy.typing import NDArray

from sweep.backbones.catalog import Backbone, load_backbone
from sweep.backbones.cut import INPUT, Cut, cut_for, tail_model
from sweep.backbones.freezing import Freezing
from sweep.backbones.surgery import dropout_sites
from sweep.errors import BackboneError
from sweep.studyfile.definition import ModelSettings

Float32 = NDArray[np.float32]


def made(model: keras.Model) -> Backbone:
    return Backbone(
        name="made",
        weights="none",
        image_size=8,
        model=model,
        preprocessing="none",
        digest="",
        dropout_sites=dropout_sites(model),
    )


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    """pixels · a · a_norm · a_relu · drop · b · b_norm, with statistics and scales as if it had been trained."""
    inputs = keras.Input((8, 8, 3), name="pixels")
    a = layers.BatchNormalization(name="a_norm", momentum=0.9)(layers.Conv2D(4, 3, name="a")(inputs))
    b = layers.Conv2D(5, 3, name="b")(layers.Dropout(0.5, name="drop")(layers.ReLU(name="a_relu")(a)))
    model = keras.Model(inputs, layers.BatchNormalization(name="b_norm", momentum=0.9)(b))
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([np.linspace(low, 1.5, layer.gamma.shape[0]) for low in (0.5, -0.5, -0.5, 0.5)])
    return made(model)


def settings(**fields: object) -> ModelSettings:
    return ModelSettings.model_validate({"conv_filters": 8, **fields})


def inputs_of(tail: keras.Model, count: int = 16) -> Float32:
    return np.random.default_rng(0).normal(2, 3, (count, *tail.input_shape[1:])).astype(np.float32)


@pytest.fixture
def made_tail(backbone: Backbone) -> Callable[..., keras.Model]:
    """The tail of a configuration, behind the cut of another one if that is given."""

    def make(*, cut: str = "", **fields: object) -> keras.Model:
        model = settings(**fields)
        tail = tail_model(backbone, Cut(cut) if cut else cut_for(backbone, model), model)
        assert tail is not None
        return tail

    return make


def trained(tail: keras.Model) -> keras.Model:
    """`fit` for two epochs, inside another model, as a user's would be."""
    inputs = keras.Input(tail.input_shape[1:])
    whole = keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling2D()(tail(inputs, training=False))))
    whole.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
    whole.fit(inputs_of(tail), np.ones((16, 2)), batch_size=8, epochs=2, verbose=0)
    return tail


def weights_of(tail: keras.Model, name: str) -> list[Float32]:
    """Gamma, beta, moving mean, moving variance; or kernel, bias."""
    return list(tail.get_layer(name).get_weights())


def assert_equal(left: list[Float32], right: list[Float32]) -> None:
    for ours, theirs in zip(left, right, strict=True):
        np.testing.assert_array_equal(ours, theirs)


# ---- roles -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "learning", "legacy"),
    [
        ({}, (), ()),
        ({"unfrozen_layers": 1}, (), ()),
        ({"unfrozen_layers": 2}, ("b",), ()),
        ({"unfrozen_layers": 2, "batch_norm": "train"}, ("b", "b_norm"), ()),
        ({"unfrozen_layers": 99, "batch_norm": "train"}, ("a", "a_norm", "b", "b_norm"), ()),
        ({"batch_norm": "train"}, (), ()),  # nothing is unfrozen
        ({"batch_norm": "legacy"}, (), ("a_norm", "b_norm")),
        ({"unfrozen_layers": 2, "batch_norm": "legacy"}, ("b", "b_norm"), ("a_norm",)),
        ({"unfrozen": "batch_norm"}, ("a_norm", "b_norm"), ()),
        ({"unfrozen": "batch_norm", "unfrozen_layers": 3, "batch_norm": "legacy"}, ("a_norm", "b_norm"), ()),
    ],
)
def test_who_learns_and_who_runs_on_the_batch(
    fields: dict[str, object], learning: tuple[str, ...], legacy: tuple[str, ...], backbone: Backbone
) -> None:
    freezing = Freezing.of(backbone, settings(**fields))
    assert (freezing.learning, freezing.legacy) == (learning, legacy)


def test_the_backbones_own_dropout_drops_where_it_is_unfrozen(backbone: Backbone) -> None:
    assert [Freezing.of(backbone, settings(unfrozen_layers=count)).dropping for count in (2, 3)] == [(), ("drop",)]


def test_a_backbone_without_a_place_for_dropout_is_refused() -> None:
    model = keras.Model(inputs := keras.Input((8, 8, 3)), layers.Conv2D(4, 3)(inputs))
    backbone = made(model)
    with pytest.raises(BackboneError, match=r'model\.dropout_position: received "backbone" with made, where no act'):
        Freezing.of(backbone, settings(dropout_position="backbone"))


# ---- frozen: on moving statistics, whatever `fit` says ---------------------------------------------------------------


def test_unfrozen_keras_layers_move_their_statistics_in_spite_of_training_false(
    made_tail: Callable[..., keras.Model],
) -> None:
    # Why batch norms are frozen one by one: `fit` overrides the argument of an inner functional model.
    tail = made_tail(unfrozen_layers=2)
    before = weights_of(tail, "b_norm")[2:]
    tail.get_layer("b_norm").trainable = True
    after = weights_of(trained(tail), "b_norm")[2:]
    assert all((old != new).all() for old, new in zip(before, after, strict=True))


def test_frozen_batch_norms_in_an_unfrozen_tail_stay_as_they_are(made_tail: Callable[..., keras.Model]) -> None:
    tail = made_tail(unfrozen_layers=2)
    batch, norm, kernel = inputs_of(tail), weights_of(tail, "b_norm"), weights_of(tail, "b")[0]
    np.testing.assert_array_equal(tail(batch, training=True), tail(batch, training=False))
    trained(tail)
    assert_equal(weights_of(tail, "b_norm"), norm)
    assert (weights_of(tail, "b")[0] != kernel).any()


# ---- legacy: on the batch's statistics, and nothing learned ----------------------------------------------------------


def test_legacy_batch_norms_see_the_batch_in_training_and_their_past_in_validation(
    made_tail: Callable[..., keras.Model],
) -> None:
    tail = made_tail(batch_norm="legacy")
    assert tail.trainable_weights == []
    first = keras.Model(tail.input, tail.get_layer("a_norm").output)
    batch = inputs_of(tail)
    gamma, beta, mean, variance = weights_of(tail, "a_norm")
    axes = (0, 1, 2)
    expected = gamma * (batch - batch.mean(axes)) / np.sqrt(batch.var(axes) + 1e-3) + beta
    np.testing.assert_allclose(first(batch, training=True), expected, atol=1e-4)
    expected = gamma * (batch - mean) / np.sqrt(variance + 1e-3) + beta
    np.testing.assert_allclose(first(batch, training=False), expected, atol=1e-4)


def test_legacy_batch_norms_learn_nothing(made_tail: Callable[..., keras.Model]) -> None:
    tail = made_tail(batch_norm="legacy")
    before = list(tail.get_weights())
    assert_equal(list(trained(tail).get_weights()), before)


def test_unfrozen_ones_of_a_legacy_network_learn_with_the_momentum_asked_for(
    made_tail: Callable[..., keras.Model],
) -> None:
    tail = made_tail(unfrozen_layers=2, batch_norm="legacy", batch_norm_momentum=0.5)
    assert [tail.get_layer(name).momentum for name in ("a_norm", "b_norm")] == [1.0, 0.5]
    before = {name: weights_of(tail, name) for name in ("a_norm", "b_norm", "b")}
    trained(tail)
    assert_equal(weights_of(tail, "a_norm"), before["a_norm"])
    for name in ("b_norm", "b"):
        assert all((old != new).any() for old, new in zip(before[name], weights_of(tail, name), strict=True))


def test_a_real_network_reproduces_keras_2() -> None:
    model = settings(backbone="mobilenet-v2", weights="none", batch_norm="legacy")
    backbone = load_backbone(model, 32)
    tail = tail_model(backbone, cut_for(backbone, model), model)
    assert tail is not None
    assert cut_for(backbone, model) == Cut(INPUT), "the first convolution puts out more than it takes"
    pixels = np.random.default_rng(0).uniform(-1, 1, (16, 32, 32, 3)).astype(np.float32)
    inputs = keras.Input(tail.input_shape[1:])
    whole = keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling2D()(tail(inputs))))
    whole.compile(optimizer="sgd", loss="mse")
    before = list(tail.get_weights())
    whole.fit(pixels, np.ones((16, 2)), batch_size=8, epochs=1, verbose=0)
    assert_equal(list(tail.get_weights()), before)
    assert len(whole.trainable_weights) == 2  # the head's
    # Fresh statistics are 0 and 1, far from the features': training sees them normalised, validation does not.
    normalised, plain = (np.asarray(tail(pixels, training=each)).std() for each in (True, False))
    assert normalised > 10 * plain


# ---- batch norms alone -----------------------------------------------------------------------------------------------


def test_batch_norms_alone_learn_on_the_batch(made_tail: Callable[..., keras.Model]) -> None:
    tail = made_tail(unfrozen="batch_norm", batch_norm_momentum=0.0)
    assert [tail.get_layer(name).momentum for name in ("a_norm", "b_norm")] == [0.9, 0.9]  # their own
    assert {weight.path.split("/")[-2] for weight in tail.trainable_weights} == {"a_norm", "b_norm"}
    before = {name: weights_of(tail, name) for name in ("a_norm", "b", "b_norm")}
    trained(tail)
    assert_equal(weights_of(tail, "b"), before["b"])
    for name in ("a_norm", "b_norm"):
        assert all((old != new).any() for old, new in zip(before[name], weights_of(tail, name), strict=True))
