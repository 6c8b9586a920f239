"""A configuration as a Python file: what can be said, what it says, and that names in it stay text."""

from __future__ import annotations

import ast
import math
from typing import Any

import numpy as np
import pytest

from sweep.studyfile.definition import Configuration, ModelSettings, TrainingSettings
from sweep.training.learning_rate import learning_rates
from sweep.workflow.plain_keras import PlainSource, plain_code, unsayable

HOSTILE = ("<b>cat", "'''\nimport os", "\u202edog")
SOURCE = PlainSource(
    title="Trial 3 of the study photos",
    folder="/photos/it's here",
    table="model.files.csv",
    trained="model.trained.keras",
    class_names=HOSTILE,
    image_size=32,
    seed=7,
    builder="",
    backbone="model.backbone.keras",
    drops=False,
    preprocessing="lite",
)


def configured(**fields: object) -> Configuration:
    training = {name: fields.pop(name) for name in list(fields) if name in TrainingSettings.model_fields}
    return Configuration(model=ModelSettings.model_validate(fields), training=TrainingSettings.model_validate(training))


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({}, ()),
        ({"mixup": 0.2, "recalibrate": True}, ("recalibrate = true", "mixup = 0.2")),
        ({"head_epochs": 2, "steps_per_epoch": 5}, ("head_epochs = 2", "steps_per_epoch = 5")),
        ({"batch_norm": "legacy", "channels": "grey"}, ('batch_norm = "legacy"', 'channels = "grey"')),
        (
            {"dropout_position": "backbone", "output": "sigmoid"},
            ('dropout_position = "backbone"', 'output = "sigmoid"'),
        ),
        ({"mixed_precision": True}, ("mixed_precision = true",)),
        ({"augment_views": 2, "augment": ("flip", "erase")}, ('augment = ["flip", "erase"]',)),
        ({"augment_views": 0, "augment": ("flip", "erase")}, ()),
    ],
)
def test_what_a_few_lines_cannot_say_is_named(fields: dict[str, Any], named: tuple[str, ...]) -> None:
    assert unsayable(configured(**fields)) == named


@pytest.mark.parametrize(
    ("fields", "lines"),
    [
        ({}, ["optimizer=keras.optimizers.Adam(0.001)", "patience=5, restore_best_weights=True"]),
        ({"optimizer": "sgd", "momentum": 0.9, "keep": "last"}, ["SGD(0.001, momentum=0.9)", "best_weights=False"]),
        ({"optimizer": "adamw", "patience": 0}, ["AdamW(0.001, weight_decay=0.004)", "patience=EPOCHS"]),
        ({"optimizer": "rmsprop", "shuffle": False}, ["RMSprop(0.001)", "shuffle=False"]),
        ({"label_smoothing": 0.1}, ["CategoricalCrossentropy(label_smoothing=0.1)", "to_categorical(train_labels, 3)"]),
        ({"class_weight": "balanced"}, ["class_weight=class_weight", "minlength=3"]),
        (
            {"augment_views": 2, "augment": ("flip", "rotate", "zoom", "shift", "contrast"), "augment_rotation": 36.0},
            ['RandomFlip("horizontal")', "RandomRotation(0.1, ", "RandomZoom", "RandomTranslation", "RandomContrast"],
        ),
        ({"schedule": "cosine", "warmup_epochs": 1}, ["class LearningRate(", "callbacks=[LearningRate(), best]"]),
    ],
)
def test_the_training_is_said_as_keras_says_it(fields: dict[str, Any], lines: list[str]) -> None:
    code = plain_code(configured(**fields), SOURCE)
    ast.parse(code)
    for line in lines:
        assert line in code
    assert max(map(len, code.splitlines())) <= 120
    assert ("LearningRate" in code) == ("schedule" in fields)
    if fields.get("keep") == "last":
        assert "EarlyStopping" in code, "patience counts all the same"


def test_the_last_epoch_needs_no_callback() -> None:
    assert "EarlyStopping" not in plain_code(configured(keep="last", patience=0), SOURCE)


def test_names_stay_text_and_only_known_libraries_are_imported() -> None:
    tree = ast.parse(plain_code(configured(), SOURCE))
    imported = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    imported += [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert sorted(imported) == ["PIL", "csv", "keras", "keras", "numpy", "pathlib"]
    named = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, (ast.List, ast.Constant))
    }
    assert tuple(named["CLASSES"]) == HOSTILE
    assert (named["SIZE"], named["BATCH_SIZE"], named["EPOCHS"]) == (32, 32, 10)


@pytest.mark.parametrize(
    "fields",
    [
        {"schedule": "cosine", "warmup_epochs": 1},
        {"schedule": "linear"},
        {"schedule": "exponential", "decay": 0.1},
        {"schedule": "constant", "warmup_epochs": 2},
    ],
)
def test_every_step_has_the_rate_that_a_trial_has(fields: dict[str, Any]) -> None:
    configuration = configured(epochs=4, batch_size=8, **fields)
    code = plain_code(configuration, SOURCE)
    tree = ast.parse(code)
    (schedule,) = (node for node in tree.body if isinstance(node, ast.ClassDef))

    class Callback:
        def __init__(self) -> None:
            self.model: Any = type("Model", (), {"optimizer": type("Optimizer", (), {})})

    keras = type("Keras", (), {"callbacks": type("Callbacks", (), {"Callback": Callback})})
    known: dict[str, Any] = {"math": math, "keras": keras, "train_photos": range(20), "BATCH_SIZE": 8, "EPOCHS": 4}
    exec(compile(ast.Module([schedule], []), "schedule", "exec"), known)
    callback = known["LearningRate"]()
    callback.on_train_begin()
    rates = []
    for _ in range(12):
        callback.on_train_batch_begin(0)
        rates.append(callback.model.optimizer.learning_rate)
    assert np.array(rates) == pytest.approx(learning_rates(configuration.training, 3).ravel(), rel=1e-5)
