"""Heads and backbones in plain Keras are those that a trial trains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from sweep.backbones.preprocessing import PREPROCESSING
from sweep.studyfile.definition import ModelSettings
from sweep.training.head import build_head
from sweep.training.hyper_whole import PlainParts
from sweep.workflow.plain_network import backbone_lines, head_lines, literal, output_layer, pixel_lines


def run(lines: Sequence[str], **names: object) -> dict[str, Any]:
    """What the names stand for behind these lines."""
    known: dict[str, Any] = {"keras": keras, "layers": layers, "np": np, "SIZE": 32, **names}
    exec("\n".join(lines), known)
    return known


def described(model: keras.Model) -> list[tuple[Any, ...]]:
    """Its layers, with what is set of them."""
    told = ("units", "filters", "strides", "rate", "pool_size")
    return [
        (
            type(layer).__name__,
            *(getattr(layer, name, None) for name in told),
            str(getattr(getattr(layer, "activation", None), "__name__", "")),
            *(
                str(getattr(layer, name, None) and getattr(layer, name).get_config())
                for name in ("kernel_regularizer",)
            ),
            type(getattr(layer, "kernel_initializer", None)).__name__,
        )
        for layer in model.layers[1:-1]
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"head_width": (8, 4), "dropout": (0.1, 0.2), "dropout_position": "after_dense", "l2": 0.01},
        {"head_width": (8,), "head_batch_norm": True, "activation": "gelu", "kernel_initializer": "he_normal"},
        {"conv_filters": 4, "conv_stride": 2, "dropout": 0.3, "dropout_position": "both", "dropout_kind": "spatial"},
        {"pooling": "max2d", "dropout": 0.3, "dropout_position": "before_conv", "l1": 1e-3},
        {"pooling": "flatten", "dropout": 0.3, "conv_filters": 2, "dropout_position": "after_conv"},
        {"pooling": "max", "activity_l2": 0.1, "head_width": (4,)},
    ],
)
def test_the_head_is_that_of_a_trial(fields: dict[str, Any]) -> None:
    settings = ModelSettings(**fields)
    features = keras.Input((6, 6, 5))
    logits = build_head(features, settings, num_classes=3, pooled=False, parts=PlainParts(settings))
    ours = keras.Model(features, logits)
    written = keras.Input((6, 6, 5))
    lines = [*(f"tensor = {layer}(tensor)" for layer in head_lines(settings))]
    tensor = run([*lines, f"tensor = {output_layer(settings, 3)}(tensor)"], tensor=written)["tensor"]
    plain = keras.Model(written, tensor)
    assert described(plain) == described(ours)
    assert [weight.shape for weight in plain.weights] == [weight.shape for weight in ours.weights]
    assert plain.layers[-1].activation is keras.activations.softmax
    plain.set_weights(ours.get_weights())
    given = np.random.default_rng(0).normal(size=(4, 6, 6, 5)).astype(np.float32)
    expected = np.asarray(keras.ops.softmax(ours(given)))
    assert np.asarray(plain(given)) == pytest.approx(expected, abs=1e-5)
    activity = [getattr(layer, "activity_regularizer", None) is not None for layer in plain.layers]
    assert any(activity) == bool(settings.activity_l2)


@pytest.mark.parametrize("channels", ["rgb", "bgr"])
@pytest.mark.parametrize("preprocessing", sorted(PREPROCESSING))
def test_pixels_are_prepared_as_for_a_trial(preprocessing: str, channels: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, 3, 3)).astype(np.float32)
    found = run(list(pixel_lines(ModelSettings(channels=channels), preprocessing)), tensor=pixels)["tensor"]
    ordered = pixels[..., ::-1] if channels == "bgr" else pixels
    assert np.asarray(found) == pytest.approx(PREPROCESSING[preprocessing](ordered), abs=1e-4)


@pytest.mark.parametrize(
    ("fields", "trainable", "dropped"),
    [
        ({}, [], 0.0),
        ({"unfrozen_layers": 3}, ["last"], 0.2),
        ({"unfrozen_layers": 3, "batch_norm": "train", "batch_norm_momentum": 0.5}, ["last", "last_norm"], 0.2),
        ({"unfrozen": "batch_norm", "batch_norm": "train"}, ["first_norm", "last_norm"], 0.0),
    ],
    ids=["frozen", "unfrozen", "norms too", "norms alone"],
)
def test_exactly_what_is_unfrozen_trains(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], trainable: list[str], dropped: float
) -> None:
    backbone = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, name="first"),
            layers.BatchNormalization(name="first_norm"),
            layers.Conv2D(4, 3, name="last"),
            layers.BatchNormalization(name="last_norm"),
            layers.Dropout(0.2, name="drop"),
        ]
    )
    backbone = keras.Model(backbone.inputs, backbone.outputs)
    monkeypatch.setattr(keras.applications, "ResNet50", lambda **options: backbone)
    lines = list(backbone_lines(ModelSettings(**fields), builder="ResNet50", file="", drops=True))
    run(lines)
    assert sorted({weight.path.split("/")[-2] for weight in backbone.trainable_weights}) == trainable
    assert backbone.get_layer("drop").rate == dropped
    momentum = backbone.get_layer("last_norm").momentum
    assert momentum == fields.get("batch_norm_momentum", 0.99)


def test_a_backbone_that_keras_lacks_is_read_from_a_file() -> None:
    lines = list(backbone_lines(ModelSettings(), builder="", file='a"b.keras', drops=False))
    assert lines == ["backbone = keras.saving.load_model(HERE / 'a\"b.keras')", "backbone.trainable = False"]


@pytest.mark.parametrize("text", ["cat", "it's", 'a "b"', "a\\b", "\u202egnp.exe", "line\nbreak", "dög 🐕", "'''"])
def test_names_are_text_and_never_code(text: str) -> None:
    written = literal(text)
    assert eval(written) == text
    assert written.isprintable()
