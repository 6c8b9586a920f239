"""Which layers are switched, and what each says of itself."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest
from keras import layers
from keras.src.layers.preprocessing.image_preprocessing.base_image_preprocessing_layer import (
    BaseImagePreprocessingLayer,
)

from sweep.training.knobs import Knobs
from sweep.training.switching import CLEAN, Mode, leaves, switched, switches_of, why_unswitchable

ONES = np.ones((64, 8), np.float32)
TRAINING = Mode(True, True, True)


def sequence(*parts: keras.layers.Layer, shape: tuple[int, ...] = (8,)) -> keras.Model:
    return keras.Sequential([keras.Input(shape), *parts])


def said(model: keras.Model, mode: Mode, inputs: np.ndarray[tuple[int, ...], np.dtype[np.float32]] = ONES) -> object:
    with switched(model, mode):
        return np.asarray(model(inputs, training=True))


# ---- what we lean on in Keras ----------------------------------------------------------------------------------------


def test_keras_finds_the_layers_of_nested_models() -> None:
    inner = sequence(layers.Dropout(0.5, name="inner"))
    outer = keras.Sequential([keras.Input((8,)), inner, layers.Dense(2, name="outer")])
    assert {"inner", "outer"} <= {layer.name for layer in leaves(outer)}
    assert not any(isinstance(layer, keras.Model) for layer in leaves(outer))


@pytest.mark.parametrize(
    "kind", [layers.RandomFlip, layers.RandomRotation, layers.RandomBrightness, layers.RandAugment]
)
def test_keras_augmentation_has_one_base(kind: type[keras.layers.Layer]) -> None:
    assert issubclass(kind, BaseImagePreprocessingLayer)


@pytest.mark.parametrize("kind", [layers.Rescaling, layers.Dropout, layers.BatchNormalization])
def test_nothing_else_has_that_base(kind: type[keras.layers.Layer]) -> None:
    assert not issubclass(kind, BaseImagePreprocessingLayer)


# ---- switches --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "layer",
    [
        layers.Dropout(0.5),
        layers.SpatialDropout1D(0.5),
        layers.GaussianDropout(0.5),
        layers.GaussianNoise(1.0),
        layers.AlphaDropout(0.5),
    ],
)
def test_every_kind_of_noise_is_dropout(layer: keras.layers.Layer) -> None:
    model = keras.Sequential([keras.Input((4, 8)), layer])
    assert switches_of(model, augmented=False).active == Mode(True, False, False)
    inputs = np.ones((16, 4, 8), np.float32)
    np.testing.assert_array_equal(said(model, CLEAN, inputs), inputs)
    assert not np.array_equal(np.asarray(said(model, Mode(True, False, False), inputs)), inputs)


@pytest.mark.parametrize(
    "parts", [(layers.Dense(2),), (layers.Dropout(0.0),), (layers.GaussianNoise(0.0), layers.AlphaDropout(0.0))]
)
def test_rates_of_0_are_no_dropout(parts: tuple[keras.layers.Layer, ...]) -> None:
    assert switches_of(sequence(*parts), augmented=False).dropout == "no dropout"


def test_our_dropout_goes_by_its_rate_at_the_time() -> None:
    knobs = Knobs(1, lambda shape, rate, seed: 2.0)
    model = sequence(knobs.dropout(0, "dropout", whole_channels=False))
    assert switches_of(model, augmented=False).dropout == "no dropout"
    knobs.turn(rates=(0.5,), l1=0.0, l2=0.0, activity_l2=0.0, seed=np.random.SeedSequence(1))
    assert switches_of(model, augmented=False).dropout == ""
    np.testing.assert_array_equal(said(model, TRAINING), 2 * ONES)
    np.testing.assert_array_equal(said(model, Mode(False, True, True)), ONES)


def test_augmentation_is_outside_or_inside_of_a_model() -> None:
    plain = sequence(layers.Rescaling(2.0), layers.Resizing(4, 4), shape=(8, 8, 3))
    assert switches_of(plain, augmented=False).augmentation == "no augmentation"
    assert switches_of(plain, augmented=True).augmentation == ""
    flipping = sequence(layers.RandomFlip("horizontal"), shape=(8, 8, 3))
    assert switches_of(flipping, augmented=False).augmentation == ""
    images = np.random.default_rng(0).random((16, 8, 8, 3), np.float32)
    np.testing.assert_array_equal(said(flipping, Mode(True, False, True), images), images)
    flipped = np.asarray(said(flipping, TRAINING, images))
    same = [np.array_equal(one, other) for one, other in zip(flipped, images, strict=True)]
    assert 0 < sum(same) < 16


def test_batch_norm_that_is_frozen_stays_on_its_moving_statistics() -> None:
    model = sequence(layers.BatchNormalization(epsilon=1e-9, name="norm"))
    inputs = np.random.default_rng(0).normal(5, 3, (64, 8)).astype(np.float32)
    assert switches_of(model, augmented=False).active == Mode(False, False, True)
    normalised = np.asarray(said(model, TRAINING, inputs))
    np.testing.assert_allclose(normalised, (inputs - inputs.mean(0)) / inputs.std(0), atol=1e-4)
    moved = [np.asarray(weight) for weight in model.weights]
    np.testing.assert_array_equal(said(model, Mode(True, True, False), inputs), model(inputs, training=False))
    model.get_layer("norm").trainable = False
    assert switches_of(model, augmented=False).batch_statistics == "no batch norm that trains"
    np.testing.assert_array_equal(said(model, TRAINING, inputs), model(inputs, training=False))
    for weight, before in zip(model.weights, moved, strict=True):
        np.testing.assert_array_equal(weight, before)


def test_a_model_is_as_before_afterwards_even_if_it_fails() -> None:
    model = sequence(layers.Dropout(0.5, name="dropout"))
    with pytest.raises(KeyboardInterrupt), switched(model, CLEAN):
        raise KeyboardInterrupt
    assert "call" not in vars(model.get_layer("dropout"))
    assert (np.asarray(model(ONES, training=True)) == 0).any()


# ---- models that nobody can tell about -------------------------------------------------------------------------------


class OwnTrainStep(keras.Model):  # type: ignore[misc]
    def train_step(self, data: object) -> dict[str, float]:
        raise NotImplementedError


class OwnTestStep(keras.Model):  # type: ignore[misc]
    def test_step(self, data: object) -> dict[str, float]:
        raise NotImplementedError


class WithoutTraining(keras.Model):  # type: ignore[misc]
    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        return inputs


class WithTraining(keras.Model):  # type: ignore[misc]
    def __init__(self, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.dropout = layers.Dropout(0.5)

    def call(self, inputs: keras.KerasTensor, training: bool = False) -> keras.KerasTensor:
        return self.dropout(inputs, training=training)


class DropPath(layers.Layer):  # type: ignore[misc]
    def call(self, inputs: keras.KerasTensor, training: bool = False) -> keras.KerasTensor:
        return inputs


class NoisyDense(layers.Layer):  # type: ignore[misc]
    """Holds a layer and draws noise of its own beside it."""

    def __init__(self, *, name: str) -> None:
        super().__init__(name=name)
        self.inner = layers.Dense(8)

    def call(self, inputs: keras.KerasTensor, training: bool = False) -> keras.KerasTensor:
        outputs = self.inner(inputs)
        return outputs + keras.random.normal(keras.ops.shape(outputs)) if training else outputs


class Scale(layers.Layer):  # type: ignore[misc]
    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        return 2 * inputs


class Named(keras.Model):  # type: ignore[misc]
    """A functional model of a class of its own, whose call is Keras'."""


class Chain(layers.Layer):  # type: ignore[misc]
    """Whatever its layers do, it does not know whether it trains."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = layers.Dropout(0.5)

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        return self.inner(inputs)


class Block(layers.Layer):  # type: ignore[misc]
    def __init__(self, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.inner = layers.Dropout(0.5)

    def call(self, inputs: keras.KerasTensor, training: bool = False) -> keras.KerasTensor:
        return self.inner(inputs, training=training)


def functional(kind: type[keras.Model]) -> keras.Model:
    inputs = keras.Input((8,))
    return kind(inputs, layers.Dense(2)(inputs))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: functional(OwnTrainStep), "the model has a train_step of its own"),
        (lambda: functional(OwnTestStep), "the model has a test_step of its own"),
        (WithoutTraining, "the model's call takes no `training`"),
        (lambda: sequence(DropPath(name="path")), 'the layer "path" (DropPath) trains in a way of its own'),
        (lambda: sequence(NoisyDense(name="noisy")), 'the layer "noisy" (NoisyDense) trains in a way of its own'),
        (lambda: sequence(sequence(NoisyDense(name="deep"))), 'the layer "deep" (NoisyDense) trains in a way of its'),
        (lambda: sequence(Block(name="block")), 'the layer "block" (Block) trains in a way of its own'),
        (lambda: WithTraining(name="whole"), 'the model "whole" (WithTraining) trains in a way of its own'),
        (lambda: sequence(WithTraining(name="part")), 'the model "part" (WithTraining) trains in a way of its own'),
        (
            lambda: sequence(layers.LSTM(2, dropout=0.5, name="recurrent"), shape=(4, 8)),
            'the layer "recurrent" (LSTM) drops out within its recurrence',
        ),
    ],
)
def test_these_cannot_be_switched_and_say_why(make: Callable[[], keras.Model], reason: str) -> None:
    assert why_unswitchable(make()).startswith(reason)


@pytest.mark.parametrize(
    "make",
    [
        lambda: functional(keras.Model),
        lambda: functional(Named),
        lambda: sequence(Scale(), Chain(), layers.Lambda(lambda tensor: tensor)),
        lambda: sequence(sequence(layers.Dense(8)), functional(Named)),
        lambda: sequence(layers.LSTM(2), shape=(4, 8)),
        lambda: sequence(layers.Bidirectional(layers.LSTM(2)), layers.Dropout(0.5), shape=(4, 8)),
        lambda: sequence(Knobs(1, lambda shape, rate, seed: 2.0).dropout(0, "ours", whole_channels=False)),
    ],
)
def test_these_can_be_switched(make: Callable[[], keras.Model]) -> None:
    assert why_unswitchable(make()) == ""


def test_dropout_in_layers_and_models_of_others_is_switched_too() -> None:
    for model in (sequence(Block()), sequence(Chain()), WithTraining()):
        assert (np.asarray(said(model, TRAINING)) == 0).any()
        np.testing.assert_array_equal(said(model, CLEAN), ONES)
