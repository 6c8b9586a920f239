"""A frozen part that is given the wrong pixels."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import keras
import numpy as np
import pytest
from keras import layers
from numpy.typing import NDArray

from sweep.diagnosis.verdict import Outcome, judge
from sweep.records import Finding
from sweep.training.foreign import load_foreign
from sweep.training.keras_file import read_keras_file
from sweep.training.reading_off import ReadOff
from sweep.workflow.audit_features import wrong_pixels
from sweep.workflow.audited import Audited
from sweep.workflow.observed import Observed

SIZE, IMAGES = 8, 120
LABELS = np.arange(IMAGES) % 2


@pytest.fixture
def pixels() -> NDArray[np.uint8]:
    """Dark and bright pictures."""
    rng = np.random.default_rng(0)
    greys = rng.normal(80 + 50 * LABELS, 8)[:, None, None, None]
    return np.clip(greys + rng.normal(0, 5, (IMAGES, SIZE, SIZE, 3)), 0, 255).astype(np.uint8)


def finding(pixels: NDArray[np.uint8], folder: Path, *before: keras.layers.Layer, way: str, nested: bool) -> Finding:
    """Of a model whose frozen part sees darkness below 0, and so nothing in pixels that are all above."""
    darkness = layers.Conv2D(2, 1, use_bias=False, activation="relu")
    base = keras.Sequential([keras.Input((SIZE, SIZE, 3)), darkness], name="base")
    darkness.set_weights([np.array([[[[-1, -1], [-1, 0], [-1, 0]]]]) / 3])
    base.trainable = False
    head = (layers.GlobalAveragePooling2D(), layers.Dense(2))
    keras.Sequential([keras.Input((SIZE, SIZE, 3)), *before, base, *head]).save(folder / "model.keras")
    foreign = load_foreign(read_keras_file(str(folder / "model.keras")))
    entry = foreign.original.get_layer("base")._inbound_nodes[-1].input_tensors[0] if nested else None
    said = foreign.say(pixels, np.arange(IMAGES), way, lambda _: None)
    one = SimpleNamespace(foreign=foreign, read=ReadOff(backbone="mobilenet", entry=entry), way=way, said=said)
    observed = SimpleNamespace(positions=np.arange(IMAGES), labels=LABELS, groups=None)
    return wrong_pixels(cast("Audited", one), pixels, cast("Observed", observed), 0)


def outcome(found: Finding) -> Outcome:
    return judge([found], num_classes=2).judged[0].outcome


def test_a_wrong_scale_within_the_model_is_found(pixels: NDArray[np.uint8], tmp_path: Path) -> None:
    """No way of preparing pixels for the model would mend it: they are put in behind its own scaling."""
    found = finding(pixels, tmp_path, layers.Rescaling(1 / 255), way="none", nested=True)
    assert outcome(found) is Outcome.FOUND
    assert "as configured (0..1) a linear probe is right on 0.0 %" in found.summary, "as often in the other class"
    assert found.remedies[0].changes in ({"model.preprocessing": "-1..1"}, {"model.preprocessing": "torch"})


def test_pixels_that_are_scaled_twice_are_found(pixels: NDArray[np.uint8], tmp_path: Path) -> None:
    found = finding(pixels, tmp_path, layers.Rescaling(1 / 255), way="0..1", nested=True)
    assert outcome(found) is Outcome.FOUND
    assert "as configured (as it is)" in found.summary


def test_the_right_pixels_are_not_called_wrong(pixels: NDArray[np.uint8], tmp_path: Path) -> None:
    within = finding(pixels, tmp_path, layers.Rescaling(1 / 127.5, offset=-1), way="none", nested=True)
    outside = finding(pixels, tmp_path, way="-1..1", nested=False)
    for found in (within, outside):
        assert outcome(found) is not Outcome.FOUND
        assert found.evidence["accuracy -1..1"] == 1.0
        assert found.evidence["accuracy 0..1"] == 0.0
