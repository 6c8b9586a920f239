"""Cross-entropies worked out by hand and by Keras."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest

from sweep.studyfile.definition import TrainingSettings
from sweep.training.evaluation import evaluate
from sweep.training.losses import Labels, cross_entropies, keras_loss, one_hot, smoothed, takes_one_hot

LOGITS = np.array([[2.0, 0.0, -1.0], [0.5, 0.5, 3.0], [1.0, -2.0, 0.0], [0.0, 0.0, 0.0]], np.float32)
LABELS = np.array([0, 1, 2, 1], np.int32)
ONES = np.ones(3, np.float32)


def computed(
    labels: Labels, *, smoothing: float = 0.0, weights: np.ndarray[tuple[int, ...], np.dtype[np.float32]] = ONES
) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.float32]], ...]:
    found = cross_entropies(LOGITS, labels, smoothing=np.float32(smoothing), class_weights=weights)
    return np.asarray(found.plain), np.asarray(found.trained)


def test_two_classes_by_hand() -> None:
    # Logits (ln 3, 0) are shares of 3/4 and 1/4; smoothed by 0.2 the label is (0.9, 0.1).
    logits = np.array([[math.log(3), 0]], np.float32)
    found = cross_entropies(
        logits, Labels(np.array([0])), smoothing=np.float32(0.2), class_weights=np.array([2, 1], np.float32)
    )
    assert float(found.plain[0]) == pytest.approx(math.log(4 / 3), rel=1e-6)
    assert float(found.trained[0]) == pytest.approx(2 * (0.9 * math.log(4 / 3) + 0.1 * math.log(4)), rel=1e-6)


def test_nothing_asked_for_is_the_plain_one_bit_for_bit() -> None:
    plain, trained = computed(Labels(LABELS))
    np.testing.assert_array_equal(plain, trained)
    np.testing.assert_allclose(plain, evaluate(LOGITS, LABELS.astype(np.int64)).cross_entropies, rtol=1e-6)


@pytest.mark.parametrize("smoothing", [0.1, 0.5])
def test_smoothed_labels_are_those_of_keras(smoothing: float) -> None:
    theirs = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing, reduction=None)
    expected = np.asarray(theirs(one_hot(LABELS, 3), LOGITS))
    np.testing.assert_allclose(computed(Labels(LABELS), smoothing=smoothing)[1], expected, rtol=1e-5)
    evaluation = evaluate(LOGITS, LABELS.astype(np.int64))
    assert smoothed(evaluation, smoothing) == pytest.approx(expected.mean(), rel=1e-6)
    assert smoothed(evaluation, 0.0) == evaluation.cross_entropy


@pytest.mark.parametrize("share", [0.3, 0.8])
def test_mixed_labels_are_those_of_keras(share: float) -> None:
    partners = LABELS[[3, 2, 0, 1]]
    mixed = share * one_hot(LABELS, 3) + (1 - share) * one_hot(partners, 3)
    theirs = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1, reduction=None)
    labels = Labels(LABELS, partners, np.float32(share))
    plain, trained = computed(labels, smoothing=0.1, weights=np.array([1, 2, 3], np.float32))
    leading = mixed.argmax(axis=1)
    assert np.asarray(labels.leading).tolist() == leading.tolist()
    np.testing.assert_allclose(trained, np.asarray(theirs(mixed, LOGITS)) * (leading + 1), rtol=1e-5)
    np.testing.assert_allclose(plain, computed(Labels(leading))[0], rtol=1e-6)


def test_of_equal_shares_the_smaller_label_leads_as_argmax_has_it() -> None:
    labels = Labels(np.array([2, 0]), np.array([1, 1]), np.float32(0.5))
    assert np.asarray(labels.leading).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("fields", "hot"),
    [
        ({}, False),
        ({"loss": "sparse_categorical_crossentropy"}, False),
        ({"labels": "integer"}, False),
        ({"loss": "categorical_crossentropy"}, True),
        ({"labels": "one_hot"}, True),
        ({"label_smoothing": 0.1}, True),
        ({"mixup": 0.2}, True),
    ],
)
def test_keras_is_given_the_labels_that_its_loss_takes(fields: dict[str, object], hot: bool) -> None:
    settings = TrainingSettings.model_validate(fields)
    assert takes_one_hot(settings) == hot
    kind = keras.losses.CategoricalCrossentropy if hot else keras.losses.SparseCategoricalCrossentropy
    assert isinstance(keras_loss(settings), kind)
    if not settings.label_smoothing:
        given = one_hot(LABELS, 3) if hot else LABELS
        assert float(keras_loss(settings)(given, LOGITS)) == pytest.approx(computed(Labels(LABELS))[0].mean(), rel=1e-6)
