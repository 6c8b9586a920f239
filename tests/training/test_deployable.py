"""A trained configuration as one model: from raw pixels it says what the trial said, and plain Keras loads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from numpy.typing import NDArray
from scipy.special import softmax

from sweep.backbones.catalog import Backbone
from sweep.errors import BackboneError
from sweep.records import SplitIndices
from sweep.studyfile.definition import Configuration
from sweep.training.course import Reporter
from sweep.training.deployable import classifier_of, deployable_hypermodel, deployable_model, network_of, save_keras
from sweep.training.hyper_reading import Reading
from sweep.training.keras_file import read_keras_file
from sweep.training.trial import Library, Trainer

Configure = Callable[..., Configuration]
CLASSES = 3


@pytest.mark.parametrize(
    "fields",
    [
        {"head_width": (8, 4), "dropout": 0.3, "head_batch_norm": True},
        {"conv_filters": 4, "output": "sigmoid", "unfrozen_layers": 7, "batch_norm": "train", "recalibrate": True},
        {"dropout": 0.2, "dropout_position": "backbone", "batch_norm": "legacy", "keep": "last"},
    ],
    ids=["head", "tail", "whole"],
)
def test_the_file_says_of_raw_pixels_what_the_trial_said(
    trainer: Trainer,
    library: Library,
    configure: Configure,
    reporter: Reporter,
    pixels: NDArray[np.uint8],
    split: SplitIndices,
    tmp_path: Path,
    fields: dict[str, object],
) -> None:
    configuration = configure(**fields)
    fitted = trainer.fit(configuration, seed=(0, 1), reporter=reporter)
    backbone = library.backbone(configuration.model)
    before = [weight.copy() for weight in backbone.model.get_weights()]
    model = deployable_model(configuration.model, backbone, fitted.weights, num_classes=CLASSES)
    save_keras(model, tmp_path / "model.keras")
    classifier = classifier_of(read_keras_file(str(tmp_path / "model.keras")))
    said = classifier.probabilities(pixels[split.validation])
    assert said == pytest.approx(softmax(fitted.validation.logits, axis=1), abs=1e-4)
    assert (classifier.image_size, classifier.num_classes) == (24, CLASSES)
    assert fitted.validation.accuracy == fitted.measurement.validation_accuracy
    assert all(np.array_equal(*pair) for pair in zip(before, backbone.model.get_weights(), strict=True))


@pytest.mark.parametrize(("channels", "preprocessing"), [("bgr", "caffe"), ("grey", "torch"), ("rgb", "none")])
def test_what_is_done_to_pixels_is_in_the_model(
    backbone: Backbone, configure: Configure, pixels: NDArray[np.uint8], channels: str, preprocessing: str
) -> None:
    settings = configure(channels=channels, preprocessing=preprocessing).model
    given = replace(backbone, channels=channels, preprocessing=preprocessing)
    weights = [np.eye(24, CLASSES, dtype=np.float32), np.zeros(CLASSES, np.float32)]
    model = deployable_model(settings, given, weights, num_classes=CLASSES)
    maps = np.asarray(given.model(given.preprocess(pixels[:4]), training=False))
    logits = maps.mean(axis=(1, 2))[:, :CLASSES]
    assert model.predict(pixels[:4], verbose=0) == pytest.approx(softmax(logits, axis=1), abs=1e-4)


def test_a_training_on_other_sides_is_measured_there(
    trainer: Trainer, configure: Configure, stopping_after: Callable[[int], Reporter], split: SplitIndices
) -> None:
    everything = SplitIndices(train=split.developed, validation=split.validation, test=split.test)
    fitted = trainer.fit(configure(keep="last"), seed=(0, 1), reporter=stopping_after(2), split=everything)
    assert (fitted.measurement.train_images, fitted.measurement.epochs_run) == (100, 2)


def test_the_copied_network_trains_what_is_unfrozen(backbone: Backbone, configure: Configure) -> None:
    network = network_of(backbone, configure(unfrozen_layers=3).model)
    assert network.name == backbone.model.name
    assert [weight.path.split("/")[-2] for weight in network.trainable_weights] == ["top"]


@pytest.mark.parametrize(("form", "outputs"), [("probabilities", CLASSES), ("logits", CLASSES), ("one probability", 1)])
def test_somebody_elses_model_gives_probabilities_too(
    tmp_path: Path, pixels: NDArray[np.uint8], form: str, outputs: int
) -> None:
    activation = {"probabilities": "softmax", "logits": None, "one probability": "sigmoid"}[form]
    theirs = keras.Sequential(
        [keras.Input((24, 24, 3)), layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(outputs, activation)]
    )
    theirs.compile(metrics=[lambda labels, said: keras.ops.sum(said)])  # which no file can hold
    classes = 2 if outputs == 1 else CLASSES
    reading = Reading(one_hot=False, form=form, num_classes=classes)  # type: ignore[arg-type]
    save_keras(deployable_hypermodel(theirs, reading, 24), tmp_path / "model.keras")
    classifier = classifier_of(read_keras_file(str(tmp_path / "model.keras")))
    said = classifier.probabilities(pixels[:40])  # more than are asked at once
    own = reading.read(theirs.predict(pixels[:40].astype(np.float32), verbose=0))
    assert said == pytest.approx(softmax(own, axis=1), abs=1e-5)
    assert classifier.num_classes == classes


@pytest.mark.parametrize(
    ("shape", "dtype", "given"),
    [
        ((24, 24, 3), "float32", r"float32 of shape \(None, 24, 24, 3\)"),
        ((24, 20, 3), "uint8", r"uint8 of shape \(None, 24, 20, 3\)"),
        ((None, None, 3), "uint8", r"uint8 of shape \(None, None, None, 3\)"),
    ],
)
def test_models_of_other_pixels_are_refused(
    tmp_path: Path, shape: tuple[int | None, ...], dtype: str, given: str
) -> None:
    images = keras.Input(shape, dtype=dtype)
    pooled = layers.GlobalAveragePooling2D()(keras.ops.cast(images, "float32"))
    save_keras(keras.Model(images, layers.Dense(2)(pooled)), tmp_path / "model.keras")
    with pytest.raises(BackboneError, match=rf"takes {given} and gives .*2\)"):
        classifier_of(read_keras_file(str(tmp_path / "model.keras")))
