"""Sizes by arithmetic, against the models that Keras builds and the numbers of the second question."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import keras
import pytest

from sweep.backbones.catalog import Backbone, load_backbone
from sweep.errors import TrialError
from sweep.studyfile.definition import Configuration, ModelSettings, TrainingSettings
from sweep.training.head import dropouts
from sweep.training.knobs import Knobs
from sweep.training.model import build_trainable, whole_parameters
from sweep.training.optimizer import make_optimizer
from sweep.training.sizes import (
    ModelDescription,
    check_memory,
    describe_model,
    head_parameters,
    optimizer_numbers,
)

Configure = Callable[..., Configuration]

FLAT_AT_300 = {"backbone": "resnet50", "weights": "none", "pooling": "flatten", "head_width": (1024, 512, 256)}


@pytest.fixture(scope="module")
def resnet50() -> Backbone:
    return load_backbone(ModelSettings(backbone="resnet50", weights="none"), 300)


def test_the_head_of_the_second_question_has_210_million_parameters(resnet50: Backbone) -> None:
    """ResNet50 at 300 pixels, flattened into 1024-512-256 for two classes: what made a file of 2.7 GB."""
    configuration = Configuration(model=ModelSettings.model_validate(FLAT_AT_300), training=TrainingSettings())
    found = describe_model(resnet50, configuration, 2)
    assert resnet50.model.output_shape == (None, 10, 10, 2048)
    assert found.head_parameters == found.trainable_parameters == 210_372_866
    assert found.total_parameters - found.head_parameters == 23_587_712
    assert found.full_file_bytes == 4 * (3 * 210_372_866 + 23_587_712) == 2_618_825_240
    assert found.file_bytes == 4 * (210_372_866 + 23_587_712)
    # Weights of the whole network, and of the head its gradient, two numbers of Adam's and the best epoch's copy.
    assert found.training_bytes == 4 * (23_587_712 + 5 * 210_372_866)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"head_width": (4, 4)},
        {"head_width": (16, 8), "head_batch_norm": True},
        {"conv_filters": 8, "pooling": "flatten"},
        {"conv_filters": 8, "conv_stride": 2, "pooling": "flatten", "output": "sigmoid"},
        {"conv_filters": 8, "conv_stride": 3, "pooling": "max2d", "head_width": (5,), "head_batch_norm": True},
        {"pooling": "max2d", "head_width": (7,), "dropout_position": "both"},
        {"conv_filters": 3, "pooling": "max", "head_batch_norm": True},
    ],
)
@pytest.mark.parametrize("shape", [(9, 11, 6), (8, 8, 6)])
def test_arithmetic_counts_as_keras_does(fields: dict[str, Any], shape: tuple[int, int, int]) -> None:
    settings = ModelSettings.model_validate(fields)
    parts = Knobs(len(dropouts(settings)), lambda shape, rate, seed: 1.0)
    model = build_trainable(settings, tail=None, input_shape=shape, num_classes=3, parts=parts)
    counted = head_parameters(shape, settings, 3)
    assert counted.total == model.count_params()
    assert counted.trainable == sum(math.prod(weight.shape) for weight in model.trainable_weights)


@pytest.mark.parametrize("unfrozen_layers", [0, 3, 8, 99])
def test_a_trained_model_is_as_large_as_it_was_described(
    backbone: Backbone, configure: Configure, unfrozen_layers: int
) -> None:
    configuration = configure(
        unfrozen_layers=unfrozen_layers, batch_norm="train", head_width=(5,), head_batch_norm=True
    )
    parts = Knobs(1, lambda shape, rate, seed: 1.0)
    head = build_trainable(configuration.model, tail=None, input_shape=(6, 6, 24), num_classes=3, parts=parts)
    whole = whole_parameters(backbone, configuration.model, head, None)
    described = describe_model(backbone, configuration, 3)
    assert (described.trainable_parameters, described.total_parameters) == (whole.trainable, whole.total)


def test_unfrozen_layers_are_named_and_counted(backbone: Backbone, configure: Configure) -> None:
    found = describe_model(backbone, configure(unfrozen_layers=3), 3)
    assert found.unfrozen_layers == ("top", "top_norm", "top_relu")
    # 16 · 24 weights that train; four numbers a channel in a batch norm that is frozen.
    assert (found.unfrozen_trainable_parameters, found.unfrozen_parameters) == (384, 384 + 4 * 24)


@pytest.mark.parametrize(
    ("training", "numbers"),
    [
        ({"optimizer": "adam"}, 2),
        ({"optimizer": "adamw"}, 2),
        ({"optimizer": "adam", "momentum": 0.9}, 2),
        ({"optimizer": "sgd"}, 0),
        ({"optimizer": "sgd", "momentum": 0.9}, 1),
        ({"optimizer": "rmsprop"}, 1),
        ({"optimizer": "rmsprop", "momentum": 0.9}, 2),
    ],
)
def test_optimizers_keep_what_keras_makes_them_keep(training: dict[str, Any], numbers: int) -> None:
    settings = TrainingSettings.model_validate(training)
    assert optimizer_numbers(settings) == numbers
    optimizer = make_optimizer(
        settings.optimizer, momentum=settings.momentum, weight_decay=settings.weight_decay, mixed_precision=False
    )
    optimizer.build([keras.Variable([0.0] * 1000)])
    kept = sum(math.prod(variable.shape) for variable in optimizer.variables)
    assert kept // 1000 == numbers, "iterations and learning rate are few"


def test_the_last_epoch_needs_no_copy(backbone: Backbone, configure: Configure) -> None:
    best, last = (describe_model(backbone, configure(keep=keep), 3) for keep in ("best", "last"))
    assert best.training_bytes - last.training_bytes == 4 * (24 * 3 + 3)


LARGE = ModelDescription(
    trainable_parameters=1_000_000_000,
    total_parameters=1_000_000_000,
    head_parameters=900_000_000,
    unfrozen_parameters=100_000_000,
    unfrozen_trainable_parameters=100_000_000,
    file_bytes=4_000_000_000,
    full_file_bytes=12_000_000_000,
    training_bytes=20_000_000_000,
    optimizer="adam",
    unfrozen_layers=("top",),
    cut="input",
)


def test_what_memory_cannot_hold_is_refused_by_its_numbers() -> None:
    says = (
        r"\[model\]: received 1,000,000,000 trainable parameters, 900,000,000 in the head, for which training takes at "
        r"least 20\.0 GB \(.*adam.*\); expected at most the 19\.9 GB of memory here; set pooling = \"avg\".*head_width"
    )
    with pytest.raises(TrialError, match=says):
        check_memory(LARGE, 19_900_000_000)


def test_a_large_backbone_has_another_remedy() -> None:
    with pytest.raises(TrialError, match="lower unfrozen_layers"):
        check_memory(dataclasses.replace(LARGE, head_parameters=1_000), 1_000_000_000)


def test_half_of_the_memory_is_worth_a_note() -> None:
    assert "20.0 GB" in check_memory(LARGE, 39_000_000_000)
    assert "39.0 GB of memory here" in check_memory(LARGE, 39_000_000_000)
    assert check_memory(LARGE, 41_000_000_000) == ""
