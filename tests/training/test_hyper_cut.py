"""Somebody's model is cut before the first layer that learns or does something else in training."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from sweep.training.hyper_cut import CutModel, Uncut, cut_model

SIZE = 16


def base(*inside: keras.layers.Layer, trainable: bool = False) -> keras.Model:
    parts = [layers.Rescaling(1 / 255), layers.Conv2D(4, 3), layers.BatchNormalization(), *inside, layers.ReLU()]
    model = keras.Sequential([keras.Input((SIZE, SIZE, 3)), *parts], name="base")
    model.trainable = trainable
    return model


def stack(*parts: keras.layers.Layer) -> keras.Model:
    return keras.Sequential([keras.Input((SIZE, SIZE, 3)), *parts])


def head(*before: keras.layers.Layer) -> tuple[keras.layers.Layer, ...]:
    return (layers.GlobalAveragePooling2D(name="pool"), *before, layers.Dense(3, name="dense"))


def test_the_cut_lies_behind_the_pooling_of_a_frozen_base() -> None:
    model = stack(base(), *head(layers.Dropout(0.5, name="drop")))
    found = cut_model(model)
    assert isinstance(found, CutModel)
    assert (found.layer, found.reason) == ("pool", 'the layer "drop" drops out or adds noise in training')
    pixels = np.random.default_rng(0).uniform(0, 255, (5, SIZE, SIZE, 3)).astype(np.float32)
    again = found.rest(found.frozen(pixels, training=False), training=False)
    assert np.asarray(again) == pytest.approx(np.asarray(model(pixels, training=False)), abs=1e-6)
    # What trains in the rest is the model's own.
    assert [id(weight) for weight in found.rest.trainable_weights] == [id(one) for one in model.trainable_weights]


def test_a_rate_of_0_asks_for_no_other_cut() -> None:
    found = cut_model(stack(base(), *head(layers.Dropout(0.0, name="drop"))))
    assert isinstance(found, CutModel)
    assert (found.layer, found.reason) == ("pool", 'the layer "dense" trains')


def test_a_functional_model_with_operations_is_cut_too() -> None:
    inputs = keras.Input((SIZE, SIZE, 3))
    features = base()(inputs / 2.0, training=False)
    outputs = layers.Dense(3)(layers.Flatten(name="flat")(features))
    found = cut_model(keras.Model(inputs, outputs))
    assert isinstance(found, CutModel)
    assert found.layer == "flat"


def test_layers_of_a_base_that_is_taken_apart_are_cut_between() -> None:
    inside = base()
    found = cut_model(keras.Model(inside.inputs[0], layers.Dense(3, name="dense")(inside.layers[-1].output)))
    assert isinstance(found, CutModel)
    assert found.reason == 'the layer "dense" trains'


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ((layers.RandomFlip(name="flip"), base(), *head()), 'the layer "flip" augments in training'),
        ((base(layers.Dropout(0.2, name="in")), *head()), '"in" in "base" drops out or adds noise in training'),
        ((base(trainable=True), *head()), 'the layer "base" trains'),
        ((layers.Lambda(lambda x: x / 2, name="halve"), base(), *head()), '"halve" may do something else in training'),
        (
            (layers.ActivityRegularization(l2=0.1, name="penalty"), base(), *head()),
            '"penalty" adds a penalty on what it puts out',
        ),
        ((layers.Rescaling(1 / 255), *head()), 'the layer "dense" trains'),  # nothing in front is worth keeping
        ((base(), layers.GlobalAveragePooling2D()), "nothing in the model trains"),
    ],
    ids=["augmentation", "dropout inside", "unfrozen", "lambda", "penalty", "no weights", "all frozen"],
)
def test_what_is_not_the_same_in_training_prevents_it(parts: tuple[keras.layers.Layer, ...], reason: str) -> None:
    found = cut_model(stack(*parts))
    assert isinstance(found, Uncut)
    assert reason in found.reason


def test_batch_norm_that_takes_statistics_prevents_it_though_it_learns_nothing() -> None:
    model = stack(layers.BatchNormalization(center=False, scale=False, name="norm"), base(), *head())
    found = cut_model(model)
    assert isinstance(found, Uncut)
    assert found.reason == 'the layer "norm" takes the statistics of each batch in training'


def test_drop_connect_of_a_frozen_efficientnet_prevents_it() -> None:
    network = keras.applications.EfficientNetB0(include_top=False, weights=None, input_shape=(32, 32, 3))
    network.trainable = False
    inputs = keras.Input((32, 32, 3))
    found = cut_model(keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling2D()(network(inputs)))))
    assert isinstance(found, Uncut)
    assert found.reason == 'the layer "block2b_drop" in "efficientnetb0" drops out or adds noise in training'


class Own(keras.Model):  # type: ignore[misc]
    pass


def test_a_model_of_a_class_of_its_own_is_left_whole() -> None:
    inputs = keras.Input((SIZE, SIZE, 3))
    found = cut_model(Own(inputs, layers.Dense(3)(layers.Flatten()(base()(inputs)))))
    assert isinstance(found, Uncut)
    assert "a class of its own (Own)" in found.reason
