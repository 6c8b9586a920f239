"""A study of ours, searched by KerasTuner."""

from __future__ import annotations

from pathlib import Path

import keras
import keras_tuner
import numpy as np
import pytest
from keras import layers

import sweep
from sweep.backbones.catalog import Backbone
from sweep.backbones.surgery import dropout_sites
from sweep.errors import DefinitionError
from sweep.search.our_hypermodel import StudyHyperModel
from sweep.studyfile.definition import StudyDefinition

SIZE = 32
# KerasTuner 1.4.8 asks for a thread's name in a way that Python has deprecated. Remove when it does so no more.
pytestmark = pytest.mark.filterwarnings(
    "ignore:(currentThread|getName)\\(\\) is deprecated:DeprecationWarning",
    "ignore:Skipping variable loading for optimizer:UserWarning",  # of a model that is built again to be loaded
)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that trains in a moment stands in for the embedded one."""
    inputs = keras.Input((SIZE, SIZE, 3))
    network = keras.Model(inputs, layers.Conv2D(8, 3, strides=4, activation="relu")(inputs))
    backbone = Backbone(
        name="efficientnet-lite0",
        weights="none",
        image_size=SIZE,
        model=network,
        preprocessing="tf",
        digest="small",
        dropout_sites=dropout_sites(network),
    )
    monkeypatch.setattr("sweep.search.our_hypermodel.load_backbone", lambda *asked: backbone)


def define(**tables: object) -> StudyDefinition:
    return StudyDefinition.model_validate({"name": "ours", "data": {"source": "photos", "image_size": SIZE}, **tables})


def hyperparameters(**tables: object) -> keras_tuner.HyperParameters:
    """What `build` declares, at its defaults."""
    found = keras_tuner.HyperParameters()
    StudyHyperModel(define(**tables), Path(), 2).build(found)
    return found


def test_random_search_finds_and_gives_back_a_model(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    labels = np.arange(32) % 2
    images = np.clip(90 + 80 * labels[:, None, None, None] + generator.normal(0, 30, (32, SIZE, SIZE, 3)), 0, 255)
    held_out = (images[24:].astype(np.float32), labels[24:])
    space = {
        "dropout": "0.0:0.6:0.2",
        "head_width": {"choices": ["none", 8]},
        "l2": "1e-4:1e-1:log",
        "batch_size": "8,16",
    }
    definition = define(model={"dropout": 0.4}, training={"learning_rate": 0.03, "patience": 1}, space=space)
    tuner = keras_tuner.RandomSearch(
        sweep.hypermodel(definition, num_classes=2),
        objective="val_accuracy",
        max_trials=2,
        seed=1,
        directory=tmp_path,
        project_name="search",
    )
    tuner.search(images[:24].astype(np.float32), labels[:24], validation_data=held_out, epochs=1, verbose=0)
    trials = list(tuner.oracle.trials.values())
    assert [trial.status for trial in trials] == ["COMPLETED", "COMPLETED"]
    assert all(trial.hyperparameters.values.keys() == space.keys() for trial in trials)
    assert all(trial.hyperparameters.values["batch_size"] in (8, 16) for trial in trials)
    best = tuner.get_best_models(1)[0]
    assert best.predict(held_out[0], verbose=0).shape == (8, 2)


def test_the_baseline_gives_the_defaults_where_they_lie_inside() -> None:
    space = {
        "dropout": "0.0:0.6:0.2",
        "l2": "1e-4:1e-1:log",
        "head_width": {"choices": ["none", 8, "8-4"]},
        "dropout_position": "after_pooling,after_dense",
        "batch_size": "16:64:16",
    }
    found = hyperparameters(model={"dropout": 0.4, "head_width": [8]}, training={"batch_size": 48}, space=space)
    assert found.values == {
        "dropout": 0.4,
        "l2": 1e-4,  # 0, which the baseline has, lies outside: the least
        "head_width": "8",
        "dropout_position": "after_pooling",
        "batch_size": 48,
    }
    kinds = {hp.name: (type(hp).__name__, hp.get_config()) for hp in found.space}
    assert kinds["l2"][0] == "Float"
    assert kinds["l2"][1]["sampling"] == "log"
    assert kinds["dropout"][1]["step"] == 0.2
    assert (kinds["batch_size"][0], kinds["batch_size"][1]["step"]) == ("Int", 16)


def test_choices_of_several_types_are_drawn_by_their_text() -> None:
    space = {"dropout": {"choices": [0.2, "0.3-0.1"]}}
    found = hyperparameters(
        model={"dropout": 0.2, "dropout_position": "after_dense", "head_width": [8, 4]}, space=space
    )
    assert found.values == {"dropout": "0.2"}


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"training": {"mixup": 0.2}}, r"\[training\] mixup: received a field that only a trial of sweep's own"),
        ({"training": {"augment_views": 2}}, r"\[training\] augment_views"),
        ({"space": {"head_epochs": "0,2"}}, r"\[space\] head_epochs"),
        ({"space": {"recalibrate": "true,false"}}, r"\[space\] recalibrate"),
        ({"model": {"hypermodel": "a:b"}}, r"\[model\] hypermodel"),
    ],
)
def test_a_field_that_keras_tuner_cannot_have_is_refused_by_name(tables: dict[str, object], message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        StudyHyperModel(define(**tables), Path(), 2)


def test_how_images_would_be_augmented_says_nothing_without_views() -> None:
    definition = define(training={"augment": ["flip"]})
    assert definition.training.augment_views == 0
    StudyHyperModel(definition, Path(), 2)  # is not refused
