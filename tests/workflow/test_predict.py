"""Photos get the labels of an exported model; those that cannot be read are said, and the others go on."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from sweep.data.decoding import decode_file, prepare_decoders
from sweep.errors import BackboneError, DataError, UsageError
from sweep.progress import Silent
from sweep.training.deployable import save_keras
from sweep.workflow.export_files import labels_text
from sweep.workflow.predict import Predictions, check_predict, label_photos

NAMES = ("dark", "b\u202eright\n")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Says how bright a picture of 16 pixels is."""
    folder = tmp_path_factory.mktemp("model")
    images = keras.Input((16, 16, 3), dtype="uint8")
    bright = layers.GlobalAveragePooling2D()(layers.Rescaling(1 / 255)(images))
    dense = layers.Dense(2, activation="softmax")
    network = keras.Model(images, dense(bright))
    dense.set_weights([np.array([[-3, 3]] * 3, np.float32), np.array([4.5, -4.5], np.float32)])
    save_keras(network, folder / "bright.keras")
    (folder / "bright.labels.txt").write_text(labels_text(NAMES), encoding="utf-8")
    return folder / "bright.keras"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two pictures in a folder, one of them further down, and what is none."""
    (tmp_path / "photos" / "below").mkdir(parents=True)
    Image.new("RGB", (30, 20), "black").save(tmp_path / "photos" / "a.png")
    Image.new("RGB", (30, 20), "white").save(tmp_path / "photos" / "below" / "b.jpg")
    (tmp_path / "photos" / "broken.jpg").write_bytes(b"no image")
    (tmp_path / "photos" / "notes.txt").touch()
    return tmp_path / "photos"


def labelled(model: Path, *names: Path | str, top: int = 3) -> Predictions:
    return label_photos(check_predict(str(model), [str(name) for name in names], top=top), progress=Silent())


def test_every_photo_of_a_folder_is_labelled_and_the_broken_ones_are_said(model: Path, photos: Path) -> None:
    found = labelled(model, photos)
    assert [Path(one.file).name for one in found.photos] == ["a.png", "b.jpg", "broken.jpg"]
    dark, bright, broken = found.photos
    assert [name for name, _ in dark.labels] == list(NAMES)
    assert [name for name, _ in bright.labels] == list(NAMES[::-1])
    assert dark.labels[0][1] == pytest.approx(1 / (1 + np.exp(-9)), abs=1e-5)
    assert (broken.labels, broken.problem) == ((), "no image in a format that can be read")
    assert found.unread == 1


def test_files_and_patterns_are_taken_in_their_order(model: Path, photos: Path) -> None:
    found = labelled(model, photos / "below" / "b.jpg", f"{photos}/*.png", f"{photos}/*.gif", photos / "absent.png")
    assert [Path(one.file).name for one in found.photos] == ["b.jpg", "a.png", "*.gif", "absent.png"]
    assert [one.problem for one in found.photos] == ["", "", *["no such file or directory"] * 2]
    assert labelled(model, f"{photos}/**/*.jpg").unread == 1


def test_photos_are_read_as_training_reads_them(model: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 256, (90, 40, 4), np.uint8), "RGBA")
    exif = picture.getexif()
    exif[0x0112] = 6  # on its side
    picture.save(tmp_path / "a.png", exif=exif)
    pixels = decode_file(tmp_path / "a.png", 16, prepare_decoders())
    expected = np.asarray(keras.saving.load_model(model)(pixels[None]))[0]
    (found,) = labelled(model, tmp_path / "a.png").photos
    assert dict(found.labels) == pytest.approx(dict(zip(NAMES, expected, strict=True)), abs=1e-6)


def test_only_so_many_classes_are_named(model: Path, photos: Path) -> None:
    assert [len(one.labels) for one in labelled(model, photos / "a.png", top=1).photos] == [1]
    with pytest.raises(UsageError, match="--top: received 0"):
        check_predict(str(model), [str(photos)], top=0)


def test_more_photos_than_fit_into_a_batch_keep_their_order(model: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    colours = rng.choice(["black", "white"], 70)
    for number, colour in enumerate(colours):
        Image.new("RGB", (8, 8), str(colour)).save(tmp_path / f"{number:02d}.png")
    said = [one.labels[0][0] for one in labelled(model, tmp_path).photos]
    assert said == [NAMES[int(colour == "white")] for colour in colours]


def test_lines_csv_and_values_say_the_same_and_names_stay_harmless(model: Path, photos: Path) -> None:
    found = labelled(model, photos / "below" / "b.jpg", photos / "broken.jpg")
    bright, broken = found.lines
    assert bright.endswith("b.jpg: b�right 100.0 %, dark 0.0 %")
    assert broken.endswith("broken.jpg: cannot be read: no image in a format that can be read")
    rows = list(csv.DictReader(io.StringIO(found.csv)))
    assert [(row["place"], row["label"]) for row in rows] == [("1", NAMES[1]), ("2", NAMES[0]), ("", "")]
    assert float(rows[0]["probability"]) == pytest.approx(found.photos[0].labels[0][1], abs=1e-6)
    first, second = found.plain
    assert [one["label"] for one in first["labels"]] == list(NAMES[::-1])
    assert (first["problem"], second["labels"]) == (None, [])
    assert second["problem"] == rows[2]["problem"] != ""


def test_a_folder_without_photos_is_refused(model: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="received a folder without a photo"):
        check_predict(str(model), [str(tmp_path / "empty")])


def test_names_and_outputs_have_to_fit(model: Path, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "three.txt").write_text("a\nb\nc\n")
    request = check_predict(str(model), [str(photos)], labels=str(tmp_path / "three.txt"))
    with pytest.raises(DataError, match=r"three\.txt: received 3 names; expected 2, one for each output"):
        label_photos(request, progress=Silent())
    with pytest.raises(UsageError, match=r"nowhere\.txt: received no such file"):
        check_predict(str(model), [str(photos)], labels=str(tmp_path / "nowhere.txt"))


def test_other_models_are_refused(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="received no such file"):
        check_predict(str(tmp_path / "absent.keras"), [str(photos)])
    (tmp_path / "m.keras").write_bytes(b"none")
    with pytest.raises(BackboneError, match="a file that cannot be loaded"):
        check_predict(str(tmp_path / "m.keras"), [str(photos)])
    images = keras.Input((16, 16, 3))
    save_keras(keras.Model(images, layers.GlobalAveragePooling2D()(images)), tmp_path / "m.keras")
    (tmp_path / "m.labels.txt").write_text("a\nb\nc\n")
    with pytest.raises(BackboneError, match=r"m\.keras: received a model that takes float32.*`sweep export`"):
        labelled(tmp_path / "m.keras", photos)
