"""`sweep predict` from the outside; what comes out of it is tested behind it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

Cli = Callable[..., Any]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Says that every picture is the first of two classes, with 73 %."""
    images = keras.Input((16, 16, 3), dtype="uint8")
    dense = layers.Dense(2, activation="softmax")
    network = keras.Model(images, dense(layers.GlobalAveragePooling2D()(layers.Rescaling(0.0)(images))))
    dense.set_weights([np.zeros((3, 2), np.float32), np.array([1, 0], np.float32)])
    network.save(tmp_path / "model.keras")
    (tmp_path / "model.labels.txt").write_text("dög\ncat\n", encoding="utf-8")
    return tmp_path / "model.keras"


def test_data_are_on_stdout_and_a_broken_photo_is_in_the_exit_code(cli: Cli, model: Path, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    done = cli("predict", model, tmp_path / "a.png")
    assert (done.code, done.out) == (0, f"{tmp_path / 'a.png'}: dög 73.1 %, cat 26.9 %\n")
    (tmp_path / "b.png").write_bytes(b"none")
    broken = cli("predict", model, tmp_path, "--format", "json", "--top", "1")
    assert broken.code == 4
    first, second = json.loads(broken.out)
    assert first["labels"] == [{"label": "dög", "probability": pytest.approx(0.731, abs=1e-3)}]
    assert (second["labels"], second["problem"]) == ([], "no image in a format that can be read")
    table = cli("predict", model, tmp_path / "b.png", "--format", "csv")
    assert (table.code, table.out.splitlines()[1]) == (
        4,
        f"{tmp_path / 'b.png'},,,,no image in a format that can be read",
    )


def test_a_wrong_model_is_one_line(cli: Cli, tmp_path: Path) -> None:
    done = cli("predict", tmp_path / "model.tflite", tmp_path)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(
        f"sweep: {tmp_path / 'model.tflite'}: received no such file; expected a model file, .keras"
    )
    assert done.err.count("\n") == 1
