from __future__ import annotations

import random
import shutil
import urllib.error
from pathlib import Path

import keras
import numpy as np
import pytest
from keras.src.backend import config
from keras.src.utils import file_utils

from sweep.backbones.catalog import load_backbone
from sweep.backbones.weights import build_drawn, build_from_file, weights_digest
from sweep.errors import BackboneError
from sweep.studyfile.definition import ModelSettings

MOBILENET = "mobilenet_1_0_224_tf_no_top.h5"


@pytest.fixture
def keras_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder of Keras', and no network."""

    def refuse(*_: object, **__: object) -> None:
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(config, "_KERAS_DIR", str(tmp_path))  # Keras reads the variable when it is imported
    monkeypatch.setattr(file_utils, "urlretrieve", refuse)
    (tmp_path / "models").mkdir()
    return tmp_path


# ---- imagenet --------------------------------------------------------------------------------------------------------


def test_without_a_network_the_error_names_the_file_and_its_folder(
    keras_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(
        BackboneError,
        match=rf"URL fetch failure .*; expected {MOBILENET} in {keras_home}/models; download https://\S+/{MOBILENET} w",
    ):
        load_backbone(ModelSettings(backbone="mobilenet", weights="imagenet"), 32)
    assert capsys.readouterr().out == ""  # standard output is for data


def test_weights_in_keras_cache_folder_are_found(
    keras_home: Path, shared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Keras has files for four image sizes and takes those of 224 pixels for any other.
    file = shared / "weights" / MOBILENET
    shutil.copy(file, keras_home / "models")
    assert (
        load_backbone(ModelSettings(backbone="mobilenet", weights="imagenet"), 32).digest
        == load_backbone(ModelSettings(backbone="mobilenet", weights=str(file)), 32).digest
    )
    assert capsys.readouterr().out == ""


def test_a_damaged_file_in_the_cache_folder_is_an_error(keras_home: Path) -> None:
    (keras_home / "models" / MOBILENET).write_bytes(b"half a download")
    with pytest.raises(BackboneError, match=f"expected the ImageNet weights of mobilenet in {keras_home}/models"):
        load_backbone(ModelSettings(backbone="mobilenet", weights="imagenet"), 32)


# ---- files -----------------------------------------------------------------------------------------------------------


def test_weights_of_another_architecture_are_refused_with_both_counts(shared: Path) -> None:
    with pytest.raises(
        BackboneError,
        match=rf"{MOBILENET}: received 54 layers with weights; expected the 104 layers of mobilenet-v2 without its top",
    ):
        load_backbone(ModelSettings(backbone="mobilenet-v2", weights=str(shared / "weights" / MOBILENET)), 32)


def small_network(filters: int, weights: None = None) -> keras.Model:
    inputs = keras.Input((8, 8, 3))
    return keras.Model(inputs, keras.layers.Conv2D(filters, 3, name="conv")(inputs))


@pytest.mark.parametrize("name", ["saved.weights.h5", "saved.keras", "saved.h5"])
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_each_kind_of_file_is_read_and_other_shapes_are_refused(name: str, tmp_path: Path) -> None:
    model, path = small_network(4), tmp_path / name
    if name.endswith(".weights.h5"):
        model.save_weights(path)
    else:
        model.save(path)
    loaded = build_from_file("small", lambda weights: small_network(4), path)
    np.testing.assert_array_equal(loaded.get_weights()[0], model.get_weights()[0])
    with pytest.raises(BackboneError, match=rf"{name}: received .*; expected the weights of small without its top"):
        build_from_file("small", lambda weights: small_network(5), path)


def test_a_file_that_is_none_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "text.h5"
    path.write_text("no weights")
    with pytest.raises(BackboneError, match="file signature not found") as caught:
        build_from_file("small", lambda weights: small_network(4), path)
    assert "\n" not in str(caught.value)


def test_published_efficientnet_files_are_scaled_as_keras_scales_them(tmp_path: Path) -> None:
    # The published files hold deviations for variances; Keras makes up for it when it loads "imagenet", not for a file.
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])

    def build(weights: None = None, input_tensor: keras.KerasTensor | None = None) -> keras.Model:
        inputs = keras.Input((2, 2, 3)) if input_tensor is None else input_tensor
        outputs = keras.layers.Normalization(name="normalization")(keras.layers.Rescaling(1 / 255)(inputs))
        return keras.Model(keras.utils.get_source_inputs(inputs), outputs)

    model = build()
    model.get_layer("normalization").set_weights([mean, deviation, np.array(0)])
    path = tmp_path / "published.weights.h5"
    model.save_weights(path)
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 2, 2, 3)).astype(np.float32)
    prepared = np.asarray(build_from_file("efficientnet-b0", build, path)(pixels))
    np.testing.assert_allclose(prepared, (pixels / 255 - mean) / deviation, atol=1e-5)


# ---- drawn -----------------------------------------------------------------------------------------------------------


def test_drawn_weights_are_the_same_each_time_and_leave_the_generators_alone() -> None:
    random.seed(7)
    expected = random.random()
    random.seed(7)
    first, second = (build_drawn(lambda weights: small_network(4)).get_weights()[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert np.ptp(first) > 0
    assert random.random() == expected


# ---- digest ----------------------------------------------------------------------------------------------------------


def test_the_digest_follows_weights_and_architecture_but_not_the_name_of_the_model() -> None:
    model = build_drawn(lambda weights: small_network(4))
    twin = keras.Model(model.inputs, model.outputs, name="twin")
    assert weights_digest(twin) == weights_digest(model)
    other = keras.models.clone_model(model)
    kernel, bias = model.get_weights()
    other.set_weights([kernel, bias + 1])
    wider = build_drawn(lambda weights: small_network(5))
    assert len({weights_digest(model), weights_digest(other), weights_digest(wider)}) == 3
