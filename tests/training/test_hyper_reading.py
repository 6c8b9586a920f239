"""Labels as a compiled loss takes them, logits from what a model puts out, and pairs that cannot work."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers, losses

from sweep.errors import TrialError
from sweep.training.hyper_reading import Reading, last_activation, reading_of


def compiled(*last: keras.layers.Layer, loss: object) -> keras.Model:
    model = keras.Sequential([keras.Input((4,)), *last])
    model.compile("sgd", loss)
    return model


def dense(width: int, activation: str | None = None) -> keras.layers.Layer:
    return layers.Dense(width, activation=activation)


@pytest.mark.parametrize(
    ("last", "loss", "classes", "one_hot", "form"),
    [
        ([dense(3, "softmax")], "categorical_crossentropy", 3, True, "probabilities"),
        ([dense(3, "softmax")], "sparse_categorical_crossentropy", 3, False, "probabilities"),
        ([dense(3, "softmax")], ["kld"], 3, True, "probabilities"),
        ([dense(3, "sigmoid")], "categorical_crossentropy", 3, True, "probabilities"),
        ([dense(3), layers.Softmax()], losses.CategoricalFocalCrossentropy(), 3, True, "probabilities"),
        ([dense(3)], losses.SparseCategoricalCrossentropy(from_logits=True), 3, False, "logits"),
        ([dense(3, "sigmoid")], losses.CategoricalCrossentropy(from_logits=True), 3, True, "logits"),
        # TensorFlow takes the logits behind a softmax where from_logits is wrong.
        ([dense(3, "softmax")], losses.CategoricalCrossentropy(from_logits=True), 3, True, "probabilities"),
        ([dense(2, "sigmoid")], "binary_crossentropy", 2, True, "probabilities"),
        ([dense(2)], losses.BinaryCrossentropy(from_logits=True), 2, True, "sigmoid logits"),
        ([dense(1, "sigmoid")], "binary_crossentropy", 2, False, "one probability"),
        ([dense(1)], losses.BinaryFocalCrossentropy(from_logits=True), 2, False, "one logit"),
    ],
)
def test_loss_and_output_decide(
    last: list[keras.layers.Layer], loss: object, classes: int, one_hot: bool, form: str
) -> None:
    found = reading_of(compiled(*last, loss=loss), (4,), classes, labels="auto")
    assert (found.one_hot, found.form) == (one_hot, form)


def focal(given: object, outputs: object) -> float:
    return 0.0


@pytest.mark.parametrize(("labels", "one_hot"), [("one_hot", True), ("integer", False)])
def test_labels_for_a_loss_of_ones_own_are_named(labels: str, one_hot: bool) -> None:
    model = compiled(dense(3, "softmax"), loss=focal)
    assert reading_of(model, (4,), 3, labels=labels).one_hot is one_hot  # type: ignore[arg-type]
    with pytest.raises(TrialError, match=r'the loss \S*focal, which may take.*labels = "one_hot"'):
        reading_of(model, (4,), 3, labels="auto")


@pytest.mark.parametrize(
    ("last", "loss", "classes", "labels", "message"),
    [
        ([dense(4, "softmax")], "categorical_crossentropy", 3, "auto", "4 outputs for 3 classes; expected 3 outputs"),
        ([dense(1, "sigmoid")], "binary_crossentropy", 3, "auto", "1 output for 3 classes"),
        ([dense(1, "sigmoid")], "sparse_categorical_crossentropy", 2, "auto", "one output under sparse_categorical"),
        ([dense(3)], "sparse_categorical_crossentropy", 3, "auto", "without an activation .* from_logits=True"),
        ([dense(3, "softmax")], "sparse_categorical_crossentropy", 3, "one_hot", "one-hot labels for sparse_categ"),
        ([dense(3, "softmax")], "categorical_crossentropy", 3, "integer", "the numbers of classes as labels"),
        ([dense(1, "sigmoid")], "binary_crossentropy", 2, "one_hot", "one-hot labels for binary_crossentropy with one"),
        ([layers.Reshape((2, 2))], "mse", 2, "one_hot", r"outputs of shape \(None, 2, 2\)"),
    ],
)
def test_a_pair_that_cannot_work_is_refused(
    last: list[keras.layers.Layer], loss: str, classes: int, labels: str, message: str
) -> None:
    with pytest.raises(TrialError, match=message):
        reading_of(compiled(*last, loss=loss), (4,), classes, labels=labels)  # type: ignore[arg-type]


def test_the_activation_is_found_through_models_and_changes_of_type() -> None:
    inner = keras.Sequential([keras.Input((4,)), dense(3, "softmax")])
    model = keras.Sequential([keras.Input((4,)), inner, layers.Activation("linear", dtype="float32")])
    assert last_activation(model) == "softmax"
    inputs = keras.Input((4,))
    assert last_activation(keras.Model(inputs, keras.ops.sigmoid(dense(1)(inputs)))) == "sigmoid"
    assert last_activation(keras.Model(inputs, inputs * 2)) == ""


def reading(form: str, classes: int = 2, *, one_hot: bool = False) -> Reading:
    return Reading(one_hot=one_hot, form=form, num_classes=classes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("form", "outputs", "shares"),
    [
        ("logits", [[0.0, np.log(3)]], [[0.25, 0.75]]),
        ("probabilities", [[0.2, 0.8]], [[0.2, 0.8]]),
        ("probabilities", [[0.3, 0.9]], [[0.25, 0.75]]),  # two sigmoids, divided by their sum
        ("sigmoid logits", [[0.0, np.log(3)]], [[0.4, 0.6]]),  # sigmoids 1/2 and 3/4
        ("one probability", [[0.75]], [[0.25, 0.75]]),
        ("one logit", [[np.log(3)]], [[0.25, 0.75]]),
    ],
)
def test_logits_are_those_of_the_shares(form: str, outputs: list[list[float]], shares: list[list[float]]) -> None:
    logits = reading(form).read(np.array(outputs, np.float32)).astype(np.float64)
    assert np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True) == pytest.approx(np.array(shares), abs=1e-6)


def test_certain_answers_stay_finite() -> None:
    assert np.isfinite(reading("one probability").read(np.array([[0.0], [1.0]], np.float32))).all()
    assert np.isfinite(reading("probabilities").read(np.array([[0.0, 1.0]], np.float32))).all()


def test_outputs_that_are_no_probabilities_are_refused() -> None:
    with pytest.raises(TrialError, match=r"outputs from -2 to 3 for a loss that takes probabilities"):
        reading("probabilities").read(np.array([[-2.0, 3.0]], np.float32))


def test_labels_go_to_the_loss_and_back() -> None:
    labels = np.array([2, 0, 1])
    taught = reading("logits", 3, one_hot=True).labels(labels)
    assert taught.tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
    assert np.asarray(reading("logits", 3, one_hot=True).classes(taught)).tolist() == [2, 0, 1]
    assert reading("logits", 3).labels(labels) is labels
    assert np.asarray(reading("logits", 3).classes(labels[:, None])).tolist() == [2, 0, 1]
