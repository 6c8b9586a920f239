"""Moving statistics estimated again: against numpy, one batch norm after the other."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers, ops

from sweep.records import IndexArray
from sweep.training.modes import Subject, SwitchedModel
from sweep.training.recalibration import recalibrate
from sweep.training.switching import switches_of

INPUTS = np.random.default_rng(0).normal(3, 2, (20, 5)).astype(np.float32)
EVERYTHING = np.arange(20)


def subject(*parts: keras.layers.Layer, at_rest: tuple[keras.layers.Layer, ...] = ()) -> Subject:
    model = keras.Sequential([keras.Input((5,)), *parts])
    return Subject(
        model=SwitchedModel(model, at_rest=at_rest),
        switches=switches_of(model, augmented=False),
        clean=lambda images: ops.convert_to_tensor(INPUTS[images]),
        augmented=None,
        views=0,
        at_once=64,
        cheap=True,
    )


def recalibrated(found: Subject, batch_size: int, images: IndexArray = EVERYTHING) -> None:
    recalibrate(found, images, batch_size=batch_size, generator=np.random.default_rng(1))


@pytest.mark.parametrize("batch_size", [20, 8, 1])
def test_the_first_batch_norm_has_the_statistics_of_the_images(batch_size: int) -> None:
    """However they are cut: variance within batches and between them is all of it."""
    norm = layers.BatchNormalization()
    recalibrated(subject(norm), batch_size)
    np.testing.assert_allclose(norm.moving_mean, INPUTS.mean(0), rtol=1e-5)
    np.testing.assert_allclose(norm.moving_variance, INPUTS.var(0), rtol=1e-4)


def test_only_the_images_given_count() -> None:
    norm = layers.BatchNormalization()
    recalibrated(subject(norm), 4, images=EVERYTHING[5:15])
    np.testing.assert_allclose(norm.moving_mean, INPUTS[5:15].mean(0), rtol=1e-5)


def test_the_second_one_sees_what_the_first_makes_of_each_batch() -> None:
    first, second = layers.BatchNormalization(epsilon=1e-9), layers.BatchNormalization()
    recalibrated(subject(first, layers.ReLU(), second), 8)
    order = np.random.default_rng(1).permutation(20)
    means, variances, shares = [], [], []
    for batch in np.split(INPUTS[order], [8, 16]):
        seen = np.maximum((batch - batch.mean(0)) / batch.std(0), 0)
        means.append(seen.mean(0))
        variances.append(seen.var(0))
        shares.append(len(batch) / 20)
    mean = np.average(means, axis=0, weights=shares)
    between = np.average((np.array(means) - mean) ** 2, axis=0, weights=shares)
    np.testing.assert_allclose(second.moving_mean, mean, rtol=1e-4)
    np.testing.assert_allclose(
        second.moving_variance, np.average(variances, axis=0, weights=shares) + between, rtol=1e-3
    )


def test_dropout_is_off_and_nothing_else_changes() -> None:
    first, dense, second = layers.BatchNormalization(), layers.Dense(4), layers.BatchNormalization(momentum=0.7)
    found = subject(layers.Dropout(0.9, seed=1), first, dense, second)
    statistics = {id(one) for norm in (first, second) for one in (norm.moving_mean, norm.moving_variance)}
    others = [weight for weight in found.model.model.weights if id(weight) not in statistics]
    before = [np.array(weight) for weight in others]
    recalibrated(found, 20)
    np.testing.assert_allclose(first.moving_mean, INPUTS.mean(0), rtol=1e-5)
    for weight, value in zip(others, before, strict=True):
        np.testing.assert_array_equal(weight, value)
    assert (first.momentum, second.momentum) == (0.99, 0.7)


def test_legacy_batch_norm_is_recalibrated_and_frozen_batch_norm_is_not() -> None:
    legacy, frozen = layers.BatchNormalization(momentum=1.0), layers.BatchNormalization(trainable=False)
    found = subject(frozen, legacy)
    legacy.gamma.trainable = legacy.beta.trainable = False
    recalibrated(found, 20)
    np.testing.assert_array_equal(frozen.moving_mean, np.zeros(5))
    np.testing.assert_allclose(legacy.moving_mean, INPUTS.mean(0) / np.sqrt(1 + frozen.epsilon), rtol=1e-5)
    assert legacy.momentum == 1.0


def test_what_is_at_rest_in_training_is_left_alone() -> None:
    inner, outer = layers.BatchNormalization(), layers.BatchNormalization()
    found = subject(keras.Sequential([keras.Input((5,)), inner]), outer, at_rest=(inner,))
    recalibrated(found, 20)
    np.testing.assert_array_equal(inner.moving_mean, np.zeros(5))
    np.testing.assert_allclose(outer.moving_mean, INPUTS.mean(0) / np.sqrt(1 + inner.epsilon), rtol=1e-5)


def test_with_nothing_to_recalibrate_no_image_is_looked_at() -> None:
    frozen = layers.BatchNormalization(trainable=False)
    found = subject(layers.Dense(4), frozen)
    recalibrated(found, 20, images=np.array([10**9]))  # there is no such image
    np.testing.assert_array_equal(frozen.moving_mean, np.zeros(4))
    np.testing.assert_array_equal(frozen.moving_variance, np.ones(4))
