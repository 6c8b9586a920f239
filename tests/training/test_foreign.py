"""Classifiers from elsewhere: what is refused, what they say, and where their frozen part ends."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers, ops
from numpy.typing import NDArray

from sweep.errors import BackboneError, DataError, UsageError
from sweep.training.evaluation import evaluate
from sweep.training.foreign import ForeignModel, check_classes, load_foreign, prepared
from sweep.training.keras_file import read_keras_file

SIZE = 16
PIXELS: NDArray[np.uint8] = np.random.default_rng(0).integers(0, 256, (70, SIZE, SIZE, 3)).astype(np.uint8)
ROWS = np.arange(2, 70)
LABELS = np.random.default_rng(1).integers(0, 2, 70)
SEED = np.random.SeedSequence(3)

Save = Callable[[keras.Model], ForeignModel]


@pytest.fixture
def load(tmp_path: Path) -> Save:
    """Save a model and load it as the user's."""

    def loaded(model: keras.Model) -> ForeignModel:
        model.save(tmp_path / "model.keras")
        return load_foreign(read_keras_file(str(tmp_path / "model.keras")))

    return loaded


def network(*head: keras.layers.Layer, frozen: bool = False, size: int | None = SIZE) -> keras.Model:
    """A convolution with batch norm, pooled, and a head."""
    keras.utils.set_random_seed(7)
    base = keras.Sequential(
        [
            keras.Input((size, size, 3)),
            layers.Conv2D(5, 3, name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.ReLU(),
        ],
        name="base",
    )
    base.trainable = not frozen
    return keras.Sequential([keras.Input((size, size, 3)), base, layers.GlobalAveragePooling2D(), *head])


def say(foreign: ForeignModel, way: str = "0..1") -> NDArray[np.float32]:
    return foreign.say(PIXELS, ROWS, way, lambda _: None).logits


# ---- what is refused -------------------------------------------------------------------------------------------------


class OwnLayer(layers.Layer):  # type: ignore[misc]
    """Somebody's own."""


def refusals() -> dict[str, tuple[Callable[[], keras.Model], str]]:
    picture = keras.Input((SIZE, SIZE, 3))
    vector = layers.GlobalAveragePooling2D()(picture)
    grey, wide, other = keras.Input((SIZE, SIZE, 1)), keras.Input((SIZE, 20, 3)), keras.Input((4,))

    def pooled(tensor: keras.KerasTensor) -> keras.KerasTensor:
        return layers.Dense(2)(layers.GlobalAveragePooling2D()(tensor))

    return {
        "lambda": (lambda: network(layers.Lambda(lambda x: x), layers.Dense(2)), "received a Lambda layer"),
        "own class": (lambda: network(OwnLayer(), layers.Dense(2)), "received the class OwnLayer, which is not Keras'"),
        "two outputs": (lambda: keras.Model(picture, [layers.Dense(2)(vector), layers.Dense(2)(vector)]), "2 outputs"),
        "two inputs": (
            lambda: keras.Model([picture, other], layers.Dense(2)(layers.Concatenate()([vector, other]))),
            "2 inputs",
        ),
        "grey": (lambda: keras.Model(grey, pooled(grey)), "a model of grey pictures"),
        "not square": (lambda: keras.Model(wide, pooled(wide)), "of 16 by 20 pixels"),
        "a vector": (lambda: keras.Model(other, layers.Dense(2)(other)), r"input \(None, 4\)"),
        "a map": (lambda: keras.Model(picture, layers.Conv2D(2, 3)(picture)), r"output \(None, 14, 14, 2\)"),
    }


@pytest.mark.parametrize("name", list(refusals()))
def test_a_model_that_is_no_classifier_of_square_colour_pictures_is_one_line(load: Save, name: str) -> None:
    make, message = refusals()[name]
    with pytest.raises(BackboneError, match=message) as caught:
        load(make())
    assert "\n" not in str(caught.value)


def damaged(folder: Path) -> dict[str, Path]:
    """Files that are no model."""
    good = folder / "good.keras"
    network(layers.Dense(2)).save(good)
    content = bytearray(good.read_bytes())
    (folder / "cut.keras").write_bytes(content[: len(content) // 2])
    place = content.index(b"model.weights.h5") + 200
    content[place] ^= 255
    (folder / "flipped.keras").write_bytes(content)
    with zipfile.ZipFile(good) as archive, zipfile.ZipFile(folder / "weightless.keras", "w") as lighter:
        lighter.writestr("config.json", archive.read("config.json"))
    with zipfile.ZipFile(folder / "empty.keras", "w") as archive:
        archive.writestr("other.txt", "")
    return {path.stem: path for path in folder.glob("*.keras")}


def test_a_damaged_file_is_told_with_the_reason(tmp_path: Path) -> None:
    files = damaged(tmp_path)
    reasons = {
        "cut": "File is not a zip file",
        "flipped": "model.weights.h5 is damaged",
        "empty": "there is no config.json in it",
        "weightless": "ValueError: ",
    }
    for name, reason in reasons.items():
        with pytest.raises(BackboneError, match=rf"a file that cannot be loaded \({reason}") as caught:
            load_foreign(read_keras_file(str(files[name])))
        assert len(str(caught.value).splitlines()) == 1


def test_other_files_are_refused_unopened(tmp_path: Path) -> None:
    (tmp_path / "model.h5").write_text("")
    cases = {"none.keras": "no such file", "model.h5": r"a file of the format \.h5", ".": "a folder"}
    for name, received in cases.items():
        with pytest.raises(UsageError, match=f"received {received}"):
            read_keras_file(str(tmp_path / name))


def test_losses_of_ones_own_do_not_matter(load: Save) -> None:
    """They are not loaded."""

    def loss(labels: keras.KerasTensor, outputs: keras.KerasTensor) -> keras.KerasTensor:
        return ops.mean(outputs) + 0 * ops.mean(labels)

    model = network(layers.Dense(2))
    model.compile("sgd", loss)
    foreign = load(model)
    assert foreign.file.compiled["optimizer"]["class_name"] == "SGD"
    assert say(foreign).shape == (68, 2)


def test_a_folder_of_other_classes_is_refused(load: Save) -> None:
    foreign = load(network(layers.Dense(3)))
    check_classes(foreign, "photos", ["a", "b", "c"])
    with pytest.raises(DataError, match=r"photos: received 2 classes \(cat, dog\); expected 3, for which"):
        check_classes(foreign, "photos", ["cat", "dog"])


# ---- what it says ----------------------------------------------------------------------------------------------------


def test_probabilities_and_logits_are_told_by_the_last_activation(load: Save) -> None:
    """The same weights, said in both ways, have the same cross-entropy."""
    plain, soft = network(layers.Dense(3)), network(layers.Dense(3, activation="softmax"))
    soft.set_weights(plain.get_weights())
    logits, shares = load(plain), load(soft)
    assert (logits.from_logits, shares.from_logits) == (True, False)
    labels = np.arange(68) % 3
    one, other = evaluate(say(logits), labels), evaluate(say(shares), labels)
    np.testing.assert_allclose(one.cross_entropies, other.cross_entropies, atol=1e-5)
    np.testing.assert_array_equal(one.predicted, other.predicted)


@pytest.mark.parametrize("activation", ["sigmoid", "linear"])
def test_one_output_stands_for_the_second_of_two_classes(load: Save, activation: str) -> None:
    model = network(layers.Dense(1, activation=activation))
    foreign = load(model)
    assert foreign.num_classes == 2
    said = model.predict(prepared(PIXELS[ROWS], "0..1"), verbose=0)[:, 0].astype(np.float64)
    second = said if activation == "sigmoid" else 1 / (1 + np.exp(-said))
    expected = -np.log(np.where(LABELS[ROWS] == 1, second, 1 - second))
    np.testing.assert_allclose(evaluate(say(foreign), LABELS[ROWS]).cross_entropies, expected, atol=1e-5)


def test_an_activation_that_cannot_be_seen_is_told_by_what_comes_out(load: Save) -> None:
    """An operation without a layer has no name that could be read."""
    base = network(layers.Dense(2))
    for function, from_logits in ((ops.softmax, False), (ops.negative, True)):
        assert load(keras.Model(base.inputs, function(base.outputs[0]))).from_logits is from_logits


def test_outputs_in_another_order_are_put_into_that_of_the_classes(load: Save) -> None:
    foreign = load(network(layers.Dense(3)))
    np.testing.assert_array_equal(say(foreign.ordered([2, 0, 1])), say(foreign)[:, [2, 0, 1]])


def test_pixels_are_given_as_asked(load: Save) -> None:
    foreign = load(network(layers.Dense(2)))
    assert foreign.image_size == SIZE
    for way, pixels in {"none": PIXELS * 1.0, "-1..1": PIXELS / 127.5 - 1, "0..1": PIXELS / 255}.items():
        expected = foreign.model.predict(pixels[ROWS].astype(np.float32), verbose=0)
        np.testing.assert_allclose(say(foreign, way), expected, rtol=1e-4, atol=1e-4)


def test_a_model_may_take_pictures_of_any_size_and_scale_them(load: Save) -> None:
    assert load(network(layers.Dense(2), size=None)).image_size is None
    assert not load(network(layers.Dense(2))).rescales
    inner = network(layers.Dense(2))
    assert load(keras.Sequential([keras.Input((SIZE, SIZE, 3)), layers.Rescaling(1 / 255), inner])).rescales


# ---- its frozen part -------------------------------------------------------------------------------------------------


def test_the_frozen_features_are_what_comes_before_the_first_layer_that_learns(load: Save) -> None:
    model = network(layers.Dropout(0.5), layers.Dense(4, activation="relu"), layers.Dense(2), frozen=True)
    foreign = load(model)
    said = foreign.say(PIXELS, ROWS, "0..1", lambda _: None)
    inputs = prepared(PIXELS[ROWS], "0..1")
    frozen = model.layers[0].predict(inputs, verbose=0).mean(axis=(1, 2))
    assert said.frozen is not None
    assert said.last is not None
    np.testing.assert_allclose(said.frozen, frozen, atol=1e-5)
    np.testing.assert_allclose(said.last, model.layers[3](model.layers[2](frozen)), atol=1e-5)


def test_a_flattened_map_is_averaged_instead(load: Save) -> None:
    """A probe on 14 · 14 · 40 features would take minutes."""
    keras.utils.set_random_seed(7)
    conv = layers.Conv2D(40, 3, trainable=False)
    model = keras.Sequential([keras.Input((SIZE, SIZE, 3)), conv, layers.Flatten(), layers.Dense(2)])
    said = load(model).say(PIXELS, ROWS, "0..1", lambda _: None)
    assert said.frozen is not None
    np.testing.assert_allclose(said.frozen, np.mean(conv(prepared(PIXELS[ROWS], "0..1")), axis=(1, 2)), atol=1e-5)
    assert said.last is None


def test_features_that_have_seen_the_training_images_are_not_frozen(load: Save) -> None:
    learning = network(layers.Dense(2))
    whole = network(layers.Dense(2))
    whole.trainable = False
    scaled = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            layers.Normalization(mean=[1, 2, 3], variance=[1, 1, 1]),
            network(layers.Dense(2)),
        ]
    )
    for model in (learning, whole, scaled):
        assert load(model).say(PIXELS, ROWS, "0..1", lambda _: None).frozen is None


def test_a_frozen_part_with_branches_is_found_behind_them(load: Save) -> None:
    picture = keras.Input((SIZE, SIZE, 3))
    one, other = (layers.Conv2D(3, 3, trainable=False, name=name)(picture) for name in ("one", "other"))
    joined = layers.Add()([one, other])
    features = layers.GlobalMaxPooling2D()(joined)
    model = keras.Model(picture, layers.Dense(2)(features))
    said = load(model).say(PIXELS, ROWS, "0..1", lambda _: None)
    expected = keras.Model(picture, features).predict(prepared(PIXELS[ROWS], "0..1"), verbose=0)
    assert said.frozen is not None
    np.testing.assert_allclose(said.frozen, expected, atol=1e-5)


# ---- modes and batch norm --------------------------------------------------------------------------------------------


def test_re_estimated_statistics_are_those_of_the_images_and_are_put_back(load: Save) -> None:
    model = network(layers.Dense(2))
    foreign = load(model)
    before = [weight.copy() for weight in foreign.model.get_weights()]
    images = np.arange(0, 60)
    logits = foreign.recalibrated(PIXELS, images, ROWS, "0..1", batch_size=len(images), seed=SEED)
    for weight, kept in zip(foreign.model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, kept)
    conv, norm = model.layers[0].layers[0], model.layers[0].layers[1]
    values = np.asarray(conv(prepared(PIXELS[images], "0..1")))
    norm.moving_mean.assign(values.mean(axis=(0, 1, 2)))
    norm.moving_variance.assign(values.var(axis=(0, 1, 2)))
    assert logits is not None
    np.testing.assert_allclose(logits, model.predict(prepared(PIXELS[ROWS], "0..1"), verbose=0), atol=1e-3)
    assert abs(logits - say(foreign)).max() > 0.1


def test_there_is_nothing_to_re_estimate_where_no_batch_norm_learns(load: Save) -> None:
    foreign = load(network(layers.Dense(2), frozen=True))
    assert foreign.recalibrated(PIXELS, ROWS, ROWS, "0..1", batch_size=8, seed=SEED) is None


def test_modes_are_those_of_its_own_layers(load: Save) -> None:
    foreign = load(network(layers.Dropout(0.5), layers.Dense(1, activation="sigmoid"), frozen=True))
    found = foreign.modes(PIXELS, LABELS, "0..1", batch_size=16, seed=SEED)
    assert [mode.unchanged for mode in found.modes[:3]] == ["", "no augmentation", "no batch norm that trains"]
    assert found.clean.cross_entropy == pytest.approx(
        evaluate(foreign.say(PIXELS, np.arange(70), "0..1", lambda _: None).logits, LABELS).cross_entropy, abs=1e-5
    )
    assert found.modes[0].cross_entropy != pytest.approx(found.clean.cross_entropy, abs=1e-4)
