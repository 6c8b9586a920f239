"""Variables that layers read."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sweep.training.knobs import Knobs


def turn(
    knobs: Knobs, *, rates: tuple[float, ...] = (), l1: float = 0.0, l2: float = 0.0, activity_l2: float = 0.0
) -> None:
    knobs.turn(rates=rates, l1=l1, l2=l2, activity_l2=activity_l2, seed=np.random.SeedSequence(1))


def doubled(shape: tuple[int, ...], rate: object, seed: object) -> float:
    return 2.0


def test_dropout_masks_in_training_alone() -> None:
    dropout = Knobs(1, doubled).dropout(0, "dropout", whole_channels=False)
    ones = np.ones((2, 3), np.float32)
    np.testing.assert_array_equal(dropout(ones, training=True), 2 * ones)
    np.testing.assert_array_equal(dropout(ones), ones)


def test_each_dropout_has_its_rate_and_a_stream_of_its_own() -> None:
    seen: list[tuple[float, list[int]]] = []

    def note(shape: tuple[int, ...], rate: keras.KerasTensor, seed: keras.KerasTensor) -> float:
        seen.append((float(rate), np.asarray(seed).tolist()))
        return 1.0

    knobs = Knobs(2, note)
    turn(knobs, rates=(0.5, 0.25))
    for step in (1, 2):
        knobs.step.assign_add(1)
        for number in (0, 1):
            knobs.dropout(number, f"dropout_{step}_{number}", whole_channels=False)(
                np.ones((1, 1), np.float32), training=True
            )
    assert [rate for rate, _ in seen] == [0.5, 0.25, 0.5, 0.25]
    assert [seed[1] for _, seed in seen] == [1, 1, 2, 2]
    assert len({seed[0] for _, seed in seen}) == 2


@pytest.mark.parametrize(
    ("shape", "asked"), [((2, 5, 6, 7), (2, 1, 1, 7)), ((2, 7), (2, 7))], ids=["a feature map", "a vector"]
)
def test_whole_channels_share_one_number_of_the_mask(shape: tuple[int, ...], asked: tuple[int, ...]) -> None:
    seen: list[tuple[int, ...]] = []

    def note(shape: tuple[int, ...], rate: object, seed: object) -> np.ndarray:
        seen.append(tuple(map(int, shape)))
        return np.full(shape, 2.0, np.float32)

    said = Knobs(1, note).dropout(0, "dropout", whole_channels=True)(np.ones(shape, np.float32), training=True)
    assert seen == [asked]
    np.testing.assert_array_equal(said, np.full(shape, 2.0))


def test_a_mask_takes_the_type_of_what_it_masks() -> None:
    dropout = Knobs(1, lambda shape, rate, seed: np.full(shape, 2.0, np.float32)).dropout(
        0, "dropout", whole_channels=False
    )
    half = keras.ops.ones((2, 3), "float16")
    assert keras.backend.standardize_dtype(dropout.call(half, training=True).dtype) == "float16"


@pytest.mark.parametrize(
    ("factors", "expected"),
    [({}, 0), ({"l2": 0.5}, 0.5 * 12), ({"l1": 0.25}, 0.25 * 6), ({"l1": 0.25, "l2": 0.5}, 7.5)],
)
def test_the_penalty_follows_its_factors(factors: dict[str, float], expected: float) -> None:
    knobs = Knobs(0, doubled)
    dense = keras.layers.Dense(1, kernel_regularizer=knobs.regularizer())
    dense.build((None, 3))
    dense.kernel.assign([[2.0], [-2.0], [2.0]])
    turn(knobs, l1=1.0, l2=1.0)
    turn(knobs, **factors)
    assert float(dense.losses[0]) == pytest.approx(expected)
    assert knobs.regularizer().get_config() == {"l1": 0.0, "l2": 0.0, **factors}


def test_the_penalty_on_activities_follows_its_factor() -> None:
    knobs = Knobs(0, doubled)
    layer = keras.layers.Activation("linear", activity_regularizer=knobs.activity_regularizer())
    turn(knobs, activity_l2=0.5)
    layer(np.array([[1.0, 2.0], [0.0, 1.0]], np.float32))
    assert float(layer.losses[0]) == pytest.approx(0.5 * 6 / 2)
    assert knobs.activity_regularizer().get_config() == {"l2": 0.5}


def test_nothing_of_it_is_a_weight_of_the_model() -> None:
    knobs = Knobs(1, doubled)
    inputs = keras.Input((3,))
    model = keras.Model(inputs, knobs.dropout(0, "dropout", whole_channels=False)(inputs))
    assert model.variables == []


def test_a_dropout_knows_its_rate() -> None:
    knobs = Knobs(2, doubled)
    turn(knobs, rates=(0.5, 0.0))
    assert [knobs.dropout(number, f"dropout_{number}", whole_channels=False).rate for number in (0, 1)] == [0.5, 0.0]


def test_classes_weigh_the_same_unless_told() -> None:
    knobs = Knobs(0, doubled, num_classes=3)
    assert np.asarray(knobs.class_weights).tolist() == [1, 1, 1]
    knobs.weight_classes(np.array([0.5, 1, 2], np.float32))
    assert np.asarray(knobs.class_weights).tolist() == [0.5, 1, 2]
    knobs.weight_classes(None)
    assert np.asarray(knobs.class_weights).tolist() == [1, 1, 1]
