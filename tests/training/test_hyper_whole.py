"""A configuration of ours as one Keras model says what the plain path says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.backbones.catalog import Backbone
from sweep.backbones.preprocessing import PREPROCESSING
from sweep.records import IndexArray, SplitIndices
from sweep.studyfile.definition import Configuration, TrainingSettings
from sweep.training.hyper_whole import fit_options, whole_model, written_labels
from sweep.training.plain_run import PlainRun
from sweep.training.seeds import TrialSeeds
from sweep.training.task import Task

Configure = Callable[..., Configuration]
CLASSES = 3


def named(weight: keras.Variable) -> str:
    """By layer and role, whatever models the layer stands in."""
    return "/".join(weight.path.split("/")[-2:])


@pytest.mark.parametrize(
    "fields",
    [
        {"head_width": (8,), "dropout": 0.3, "l2": 0.01},
        {"conv_filters": 4, "pooling": "max", "dropout": 0.3, "dropout_kind": "spatial", "dropout_position": "both"},
        {"unfrozen_layers": 5, "batch_norm": "train", "output": "sigmoid", "activity_l2": 0.01, "head_width": (4,)},
    ],
    ids=["dense", "convolution", "unfrozen"],
)
def test_it_says_what_the_plain_path_says_for_equal_weights(
    configure: Configure,
    backbone: Backbone,
    pixels: NDArray[np.uint8],
    labels: IndexArray,
    split: SplitIndices,
    fields: dict[str, object],
) -> None:
    configuration = configure(**fields)
    run = PlainRun(backbone, configuration, Task.of(labels, split, CLASSES), TrialSeeds.of((0, 1)), pixels, views=None)
    whole = whole_model(configuration, backbone, CLASSES)
    trained = {named(weight): weight for weight in run.model.trainable_weights}
    for weight in whole.trainable_weights:
        weight.assign(trained.pop(named(weight)))
    assert not trained
    said = whole.predict(pixels[split.validation].astype(np.float32), verbose=0)
    assert said == pytest.approx(run.logits(split.validation), abs=1e-4)


@pytest.mark.parametrize("channels", ["rgb", "bgr", "grey"])
@pytest.mark.parametrize("preprocessing", sorted(PREPROCESSING))
def test_preprocessing_is_inside(
    configure: Configure, backbone: Backbone, pixels: NDArray[np.uint8], preprocessing: str, channels: str
) -> None:
    given = replace(backbone, preprocessing=preprocessing, channels=channels)
    whole = whole_model(configure(), given, CLASSES)
    inside = keras.Model(whole.inputs[0], whole.get_layer("preprocessing").output)
    found = np.asarray(inside(pixels[:4].astype(np.float32)))
    assert found == pytest.approx(given.preprocess(pixels[:4]), abs=1e-4)
    assert not whole.get_layer("preprocessing").trainable


def test_a_backbone_without_weights_is_drawn_anew(configure: Configure, backbone: Backbone) -> None:
    configuration = configure(unfrozen_layers=99, batch_norm="train", weights="none")
    own = backbone.model.trainable_weights[0]
    before = own.numpy()
    first, second = (whole_model(configuration, backbone, CLASSES).trainable_weights[0].numpy() for _ in range(2))
    assert not np.array_equal(first, second)
    assert np.array_equal(own.numpy(), before)


def test_fit_is_told_what_the_configuration_says() -> None:
    settings = TrainingSettings(
        batch_size=2, epochs=2, learning_rate=0.1, schedule="linear", class_weight="balanced", patience=3, keep="last"
    )
    options = fit_options(settings, np.array([0, 0, 1, 1, 1, 1]), 2, validated=True)
    assert options["batch_size"] == 2
    assert options["class_weight"] == {0: 1.5, 1: 0.75}
    rates, stopping = options["callbacks"]
    assert rates._rates[:, 0].tolist() == pytest.approx([0.1, 0.05])  # half of the way down after one of two epochs
    assert (stopping.patience, stopping.restore_best_weights) == (3, False)
    assert len(fit_options(settings, np.array([0, 1]), 2, validated=False)["callbacks"]) == 1


def test_the_rate_of_each_step_is_set() -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(9.0), "mse")
    settings = TrainingSettings(batch_size=1, epochs=1, learning_rate=0.1, schedule="linear", keep="last", patience=0)
    options = fit_options(settings, np.array([0, 1]), 2, validated=False)
    seen: list[float] = []

    class Watch(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_end(self, batch: int, logs: object = None) -> None:
            seen.append(float(model.optimizer.learning_rate))

    options["callbacks"].append(Watch())
    model.fit(np.zeros((2, 2)), np.zeros((2, 1)), verbose=0, **options)
    assert seen == pytest.approx([0.1, 0.05])


def test_smoothed_labels_are_one_hot() -> None:
    labels = np.array([1, 0])
    assert written_labels(TrainingSettings(), labels, 2) is labels
    assert written_labels(TrainingSettings(label_smoothing=0.1), labels, 2).tolist() == [[0, 1], [1, 0]]
