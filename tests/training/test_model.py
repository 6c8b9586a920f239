"""The head, layer by layer, and where it starts from."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sweep.errors import TrialError
from sweep.studyfile.definition import ModelSettings
from sweep.training.knobs import Knobs
from sweep.training.model import Beginning, build_trainable, dropout_rates, dropouts
from sweep.training.seeds import TrialSeeds


def build(settings: ModelSettings, shape: tuple[int, ...] = (6, 6, 24)) -> keras.Model:
    knobs = Knobs(len(dropouts(settings)), lambda shape, rate, seed: 1.0)
    return build_trainable(settings, tail=None, input_shape=shape, num_classes=3, parts=knobs)


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
        (
            ModelSettings(head_width=(16, 8), dropout_position="after_dense", pooling="max2d"),
            "pool flatten dense_1 dropout_after_dense_1 dense_2 dropout_after_dense_2 logits",
        ),
        (ModelSettings(pooling="flatten", conv_filters=4), "conv flatten dropout_after_pooling logits"),
    ],
)
def test_the_head_is_in_the_order_of_the_study_file(settings: ModelSettings, names: str) -> None:
    assert [layer.name for layer in build(settings).layers[1:]] == names.split()


def test_pooled_features_are_not_pooled_again() -> None:
    assert [layer.name for layer in build(ModelSettings(), (24,)).layers[1:]] == ["dropout_after_pooling", "logits"]


def test_parameters_are_those_of_the_keras_layers_and_nothing_else() -> None:
    # 3·3·24·8 + 8 of the convolution, 8·16 + 16 and 16·3 + 3 of the dense layers; rates and the like do not count.
    model = build(ModelSettings(conv_filters=8, head_width=(16,), dropout=0.5, l2=0.1))
    assert model.count_params() == 1736 + 144 + 51


def test_the_output_are_logits() -> None:
    model = build(ModelSettings(), (24,))
    assert model.layers[-1].activation is keras.activations.linear


def test_rates_belong_to_dropouts() -> None:
    assert dropout_rates(ModelSettings(dropout=0.4, conv_filters=8, dropout_position="both")) == (0.4, 0.4)
    two = ModelSettings(dropout=(0.5, 0.2), head_width=(8, 4), dropout_position="after_dense")
    assert dropout_rates(two) == (0.5, 0.2)


@pytest.mark.parametrize(
    ("settings", "shape", "message"),
    [
        (ModelSettings(conv_filters=8), (2, 2, 24), r"feature map of 2 × 2.*at least 3 × 3.*raise data.image_size"),
        (ModelSettings(pooling="max2d"), (1, 1, 24), r"feature map of 1 × 1.*at least 2 × 2.*raise data.image_size"),
        (ModelSettings(conv_filters=8, pooling="max2d"), (3, 3, 24), r"feature map of 1 × 1"),
    ],
)
def test_a_map_smaller_than_the_window_is_refused(
    settings: ModelSettings, shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(TrialError, match=message):
        build(settings, shape)


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
