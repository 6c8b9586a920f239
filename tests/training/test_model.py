"""What trains, and where it starts from."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sweep.studyfile.definition import ModelSettings
from sweep.training.head import dropouts
from sweep.training.knobs import Knobs
from sweep.training.model import Beginning, build_trainable, dropout_rates
from sweep.training.seeds import TrialSeeds


def build(settings: ModelSettings, shape: tuple[int, ...] = (6, 6, 24)) -> keras.Model:
    knobs = Knobs(len(dropouts(settings)), lambda shape, rate, seed: 1.0)
    return build_trainable(settings, tail=None, input_shape=shape, num_classes=3, parts=knobs)


def test_the_output_are_logits() -> None:
    model = build(ModelSettings(), (24,))
    assert model.layers[-1].activation is keras.activations.linear


def test_rates_belong_to_dropouts() -> None:
    assert dropout_rates(ModelSettings(dropout=0.4, conv_filters=8, dropout_position="both")) == (0.4, 0.4)
    two = ModelSettings(dropout=(0.5, 0.2), head_width=(8, 4), dropout_position="after_dense")
    assert dropout_rates(two) == (0.5, 0.2)
    inside = ModelSettings(dropout=0.4, dropout_position="backbone", conv_filters=8, head_width=(8,))
    assert (dropouts(inside), dropout_rates(inside)) == ((), ())


def test_weights_are_drawn_by_keras_own_initialisers_from_the_seed_alone() -> None:
    model = build(ModelSettings(head_width=(200,)), (100,))
    beginning = Beginning(model, None)
    beginning.restore(TrialSeeds.of((1,)))
    first = model.get_weights()
    kernel, bias = first[:2]
    limit = np.sqrt(6 / (100 + 200))  # Glorot's uniform distribution
    assert 0.99 * limit < np.abs(kernel).max() <= limit
    assert not bias.any()

    model.set_weights([weight + 1 for weight in first])
    beginning.restore(TrialSeeds.of((1,)))
    for weight, again in zip(first, model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, again)
    beginning.restore(TrialSeeds.of((2,)))
    assert not np.array_equal(kernel, model.get_weights()[0])


def test_a_tail_starts_from_its_pretrained_weights_and_its_generators_from_the_seed() -> None:
    inputs = keras.Input((4,))
    tail = keras.Model(inputs, keras.layers.Dropout(0.5, seed=9)(keras.layers.Dense(4)(inputs)), name="tail")
    pretrained = tail.get_weights()
    knobs = Knobs(1, lambda shape, rate, seed: 1.0)
    model = build_trainable(ModelSettings(), tail=tail, input_shape=(4,), num_classes=3, parts=knobs)
    beginning = Beginning(model, tail)
    outputs = []
    for seed in (1, 1, 2):
        beginning.restore(TrialSeeds.of((seed,)))
        np.testing.assert_array_equal(tail.get_weights()[0], pretrained[0])
        outputs.append(np.asarray(model(np.ones((8, 4), np.float32), training=True)))
        tail.set_weights([weight + 1 for weight in pretrained])
    np.testing.assert_array_equal(outputs[0], outputs[1])
    assert not np.array_equal(outputs[0], outputs[2])


def test_batch_norms_of_the_head_start_as_keras_makes_them() -> None:
    model = build(ModelSettings(head_width=(4,), head_batch_norm=True, kernel_initializer="he_normal"), (100,))
    fresh = model.get_layer("dense_1_norm").get_weights()
    model.set_weights([weight + 1 for weight in model.get_weights()])
    Beginning(model, None).restore(TrialSeeds.of((1,)))
    for weight, expected in zip(model.get_layer("dense_1_norm").get_weights(), fresh, strict=True):
        np.testing.assert_array_equal(weight, expected)
    kernel = model.get_layer("dense_1").kernel.numpy()
    # He's normal distribution is cut at two standard deviations before it is stretched to that of 2 / 100.
    assert np.abs(kernel).max() <= 2 * np.sqrt(2 / 100) / 0.8796 < np.abs(kernel).max() * 1.3
    assert kernel.std() == pytest.approx(np.sqrt(2 / 100), rel=0.1)


@pytest.fixture
def varied_tail() -> keras.Model:
    """Every kind of layer whose weights have initialisers by names of their own, and one that has none."""
    inputs = keras.Input((8, 8, 3))
    normalised = keras.layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[1.0, 1.0, 4.0], name="fixed")
    learnt = keras.layers.Normalization(name="learnt")
    tensor = learnt(normalised(inputs))
    tensor = keras.layers.DepthwiseConv2D(3, name="depthwise")(tensor)
    tensor = keras.layers.SeparableConv2D(4, 3, name="separable")(tensor)
    tensor = keras.layers.BatchNormalization(name="norm")(tensor)
    inner = keras.Sequential([keras.layers.Conv2D(5, 1, bias_initializer="ones", name="inner")], name="nested")
    return keras.Model(inputs, inner(tensor), name="tail")


def trained(model: keras.Model) -> None:
    model.set_weights([np.asarray(weight) + 3 for weight in model.get_weights()])


def test_a_tail_without_pretrained_weights_is_drawn_anew_for_every_seed(varied_tail: keras.Model) -> None:
    varied_tail.get_layer("learnt").set_weights([np.full(3, 5.0), np.full(3, 2.0), np.array(7)])
    before = {weight.path: np.asarray(weight) for weight in varied_tail.weights}
    knobs = Knobs(1, lambda shape, rate, seed: 1.0)
    model = build_trainable(ModelSettings(), tail=varied_tail, input_shape=(8, 8, 3), num_classes=2, parts=knobs)
    beginning = Beginning(model, varied_tail, redrawn=True)
    drawn = []
    for seed in (1, 1, 2):
        trained(model)
        beginning.restore(TrialSeeds.of((seed,)))
        drawn.append({weight.path: np.asarray(weight) for weight in varied_tail.weights})
    kernels = [path for path in before if "kernel" in path]
    assert len(kernels) == 4
    for path, values in before.items():
        np.testing.assert_array_equal(drawn[0][path], drawn[1][path])
        if path in kernels:
            assert len({one[path].tobytes() for one in (before, drawn[0], drawn[2])} | {values.tobytes()}) == 3
            limit = np.abs(values).max()
            assert 0.3 * limit < np.abs(drawn[0][path]).max() < 3 * limit, "of the layer's own distribution"
        else:
            np.testing.assert_array_equal(drawn[2][path], values)


def test_a_head_starts_alike_whether_the_tail_is_drawn_or_not() -> None:
    kernels = []
    for redrawn in (False, True):
        inputs = keras.Input((4,))
        tail = keras.Model(inputs, keras.layers.Dense(4)(inputs), name="tail")
        knobs = Knobs(1, lambda shape, rate, seed: 1.0)
        model = build_trainable(ModelSettings(), tail=tail, input_shape=(4,), num_classes=3, parts=knobs)
        Beginning(model, tail, redrawn=redrawn).restore(TrialSeeds.of((1,)))
        kernels.append(np.asarray(model.get_layer("logits").kernel))
    np.testing.assert_array_equal(*kernels)
