from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from sweep.backbones.catalog import backbone_names, check_backbone, load_backbone, minimum_size
from sweep.errors import BackboneError
from sweep.studyfile.definition import ModelSettings

FILES = {
    "mobilenet": "mobilenet_1_0_224_tf_no_top.h5",
    "mobilenet-v2": "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_160_no_top.h5",
    "resnet50": "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
}


def test_the_catalog_holds_the_usual_backbones_and_begins_with_the_embedded_one() -> None:
    assert backbone_names()[0] == "efficientnet-lite0"
    assert set(backbone_names()) >= {
        "mobilenet", "mobilenet-v2", "mobilenet-v3-small", "mobilenet-v3-large", "resnet50", "resnet50-v2", "vgg16",
        "vgg19", "inception-v3", "xception", "densenet121", "efficientnet-b0", "efficientnet-v2-b0", "convnext-tiny",
        "nasnet-mobile",
    }  # fmt: skip


def test_the_checks_load_neither_keras_nor_tensorflow() -> None:
    code = (
        "import sys; from pathlib import Path; from sweep.backbones.catalog import check_backbone;"
        "from sweep.studyfile.definition import ModelSettings;"
        "check_backbone(ModelSettings(backbone='efficientnet-lite0', weights='imagenet'), 160, Path());"
        "print({'keras', 'tensorflow'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"


# ---- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("mobilnet-v2", "mobilenet-v2"), ("MobileNetV2", "mobilenet-v2"), ("EfficientNetB0", "efficientnet-b0")],
)
def test_an_unknown_name_is_answered_with_the_nearest(name: str, nearest: str) -> None:
    message = f'model.backbone: received "{name}"; expected one of .*; set model.backbone = "{nearest}"'
    with pytest.raises(BackboneError, match=message):
        minimum_size(name)


@pytest.mark.parametrize(("name", "smallest"), [("inception-v3", 75), ("xception", 71), ("vgg16", 32)])
def test_images_below_the_smallest_size_are_refused(name: str, smallest: int) -> None:
    check_backbone(ModelSettings(backbone=name, weights="none"), smallest, Path())
    with pytest.raises(
        BackboneError,
        match=f"data.image_size: received {smallest - 1}; expected at least {smallest} pixels for {name}; set data",
    ):
        load_backbone(ModelSettings(backbone=name, weights="none"), smallest - 1)


def test_a_weights_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        BackboneError, match=r'"mine\.h5", and there is no such file; .*; put the file at .*mine\.h5 or'
    ):
        check_backbone(ModelSettings(backbone="resnet50", weights="mine.h5"), 160, tmp_path)


def test_a_word_that_names_no_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        BackboneError, match=r'model.weights: received "imagnet", which is no such word or file; .* "imag'
    ):
        check_backbone(ModelSettings(backbone="resnet50", weights="imagnet"), 160, tmp_path)


def test_a_relative_weights_file_starts_from_the_base(tmp_path: Path) -> None:
    (tmp_path / "mine.h5").touch()
    check_backbone(ModelSettings(backbone="resnet50", weights="mine.h5"), 160, tmp_path)


# ---- what is loaded --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_real_weights_tell_cats_from_dogs(name: str, shared: Path) -> None:
    # Leave-one-out nearest class mean on pooled features: chance is 50 %, wrong preprocessing or weights come near it.
    backbone = load_backbone(ModelSettings(backbone=name, weights=str(shared / "weights" / FILES[name])), 96)
    folders = [shared / "data" / "cats_dogs_small" / label for label in ("cat", "dog")]
    photos = [path for folder in folders for path in sorted(folder.iterdir())[:24]]
    pixels = np.stack([np.asarray(Image.open(path).convert("RGB").resize((96, 96))) for path in photos])
    features = np.asarray(backbone.model(backbone.preprocess(pixels), training=False)).mean(axis=(1, 2))
    labels = np.repeat([0, 1], 24)
    right = 0
    for left_out in range(48):
        kept = np.arange(48) != left_out
        means = np.stack([features[kept & (labels == label)].mean(axis=0) for label in (0, 1)])
        distances = np.linalg.norm(means - features[left_out], axis=1)
        right += int(distances.argmin() == labels[left_out])
    assert right / 48 >= 0.75


def test_names_and_digest_are_those_of_a_fresh_process_whatever_was_built_before() -> None:
    first = load_backbone(ModelSettings(backbone="mobilenet-v3-small", weights="none"), 32)
    keras.layers.Conv2D(1, 1)  # moves Keras' counters on
    second = load_backbone(ModelSettings(backbone="mobilenet-v3-small", weights="none"), 32)
    assert first.digest == second.digest
    names = [operation.name for operation in second.model.operations]
    assert names == [operation.name for operation in first.model.operations]
    assert {"input_layer", "rescaling", "activation", "activation_17"} <= set(names)
    assert len(set(names)) == len(names)


def test_a_backbone_says_how_its_pixels_are_prepared() -> None:
    backbone = load_backbone(ModelSettings(backbone="vgg16", weights="none"), 32)
    assert backbone.preprocessing == "caffe"
    # Caffe's mean of blue comes first.
    black = backbone.preprocess(np.zeros((1, 32, 32, 3), np.uint8))
    assert black[0, 0, 0].tolist() == pytest.approx([-103.939, -116.779, -123.68])
    assert backbone.model(black).shape == (1, 1, 1, 512)


def test_channels_come_before_preprocessing() -> None:
    plain = load_backbone(ModelSettings(backbone="vgg16", weights="none"), 32)
    turned = plain.given(ModelSettings(backbone="vgg16", weights="none", channels="bgr", preprocessing="caffe"))
    assert (turned.model, turned.digest) == (plain.model, plain.digest)
    # Caffe's arithmetic expects RGB and turns it; what was turned before comes out as RGB, less BGR's means.
    red = np.full((1, 32, 32, 3), (255, 0, 0), np.uint8)
    assert turned.preprocess(red)[0, 0, 0].tolist() == pytest.approx([255 - 103.939, -116.779, -123.68])
    assert plain.preprocess(red)[0, 0, 0].tolist() == pytest.approx([-103.939, -116.779, 255 - 123.68])


def test_a_network_that_rescales_itself_gets_what_was_asked_on_top() -> None:
    backbone = load_backbone(ModelSettings(backbone="mobilenet-v3-small", weights="none", preprocessing="0..1"), 32)
    white = np.full((1, 32, 32, 3), 255, np.uint8)
    assert backbone.preprocess(white).max() == 1.0
    assert [layer.name for layer in backbone.model.layers][1] == "rescaling"
    assert backbone.given(ModelSettings(backbone="mobilenet-v3-small")).preprocess(white).max() == 255.0


def test_other_batch_norms_make_another_backbone_and_the_same_ones_the_same() -> None:
    plain = ModelSettings(backbone="mobilenet", weights="none")
    asked = ("kept", "removed", "folded", "inserted", "folded")
    backbones = [load_backbone(plain.model_copy(update={"backbone_batch_norm": each}), 32) for each in asked]
    kept, removed, folded, inserted, again = (backbone.digest for backbone in backbones)
    assert folded == again
    assert kept == inserted  # each of MobileNet's convolutions has one already
    assert len({kept, removed, folded}) == 3
    assert {backbone.dropout_sites for backbone in backbones} == {backbones[0].dropout_sites}
    assert len(backbones[0].dropout_sites or ()) == 27
