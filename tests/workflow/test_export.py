"""A trial becomes a model that plain Keras loads where this package is not installed, and says what the trial said."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from sweep.errors import BackboneError, TrialError
from sweep.progress import Progress, Silent
from sweep.records import StudyRecord
from sweep.studyfile.definition import StudyDefinition
from sweep.training.deployable import deployable_hypermodel
from sweep.training.evaluation import Evaluation, evaluate
from sweep.training.hyper_reading import Reading
from sweep.workflow import export
from sweep.workflow.export import export_model
from sweep.workflow.export_files import read_labels
from sweep.workflow.export_request import ExportKind, check_export
from sweep.workflow.opened import OpenedStudy
from sweep.workflow.predict import check_predict, label_photos
from sweep.workflow.prepare import PreparedData
from sweep.workflow.run import run_study

Finished = tuple[Path, OpenedStudy]


@pytest.fixture(scope="module")
def exported(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[str, ...]]:
    """The best of the finished study as a .keras file, and what was said of it."""
    folder = tmp_path_factory.mktemp("exported")
    request = check_export(finished[0], folder / "model.keras")
    return folder, export_model(request, progress=Silent())


def test_it_says_what_the_trial_said(finished: Finished, exported: tuple[Path, tuple[str, ...]]) -> None:
    folder, (written, agreement) = exported
    best = finished[1].best
    assert best is not None
    assert written.endswith(f"is trial {best.number}; beside it lie model.labels.txt and model.card.md")
    assert agreement.startswith("Asked about the 12 validation images, the file scores")
    assert "image by image what the trial scored" in agreement
    assert read_labels(folder / "model.labels.txt") == ("<b>cat", "dog")
    assert sorted(path.name for path in folder.iterdir()) == ["model.card.md", "model.keras", "model.labels.txt"]


def test_the_five_lines_of_its_card_run_without_this_package(
    finished: Finished, exported: tuple[Path, tuple[str, ...]]
) -> None:
    folder, (_, agreement) = exported
    card = (folder / "model.card.md").read_text("utf-8")
    assert agreement in card
    (code,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    assert code.count("\n") == 5
    photo = finished[0].parent / "photos" / "dog" / "3.png"
    shutil.copy(photo, folder / "photo.jpg")  # Pillow goes by what is in it
    program = (
        "import sys; sys.modules['sweep'] = None\n"
        f"{code}\n"
        "import json; print(json.dumps([type(model).__name__, shares.tolist()]))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False)
    (folder / "photo.jpg").unlink()
    assert done.returncode == 0, done.stderr
    first, last = done.stdout.splitlines()
    kind, shares = json.loads(last)
    assert (kind, len(shares)) == ("Functional", 2)
    (labelled,) = label_photos(check_predict(str(folder / "model.keras"), [str(photo)]), progress=Silent()).photos
    assert dict(labelled.labels) == pytest.approx(dict(zip(("<b>cat", "dog"), shares, strict=True)), abs=1e-5)
    assert first.startswith(labelled.labels[0][0])


def test_all_data_of_folds_is_trained_as_long_as_the_trial_kept(
    finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = check_export(finished[0], tmp_path / "model.keras", trial="0", all_data=True)
    heard: dict[str, Any] = {}

    class Single:
        def fit(self, configuration: object, **options: object) -> None:
            heard.update(options, configuration=configuration)
            raise TrialError("trial", received="enough", expected="no training", remedy="look at what was asked for")

    def with_folds(record: StudyRecord, definition: StudyDefinition, *, progress: Progress) -> PreparedData:
        data = same_images(record, definition, progress=progress)
        positions = data.split.developed
        folded = replace(data.split, train=positions[:0], validation=positions, folds=(positions[::2], positions[1::2]))
        return replace(data, split=folded)

    def ready(record: object, definition: object, data: PreparedData, **options: object) -> object:
        heard["folds"] = data.split.folds
        return type("Training", (), {"single": Single(), "library": object()})

    same_images = export.same_images
    monkeypatch.setattr(export, "same_images", with_folds)
    monkeypatch.setattr(export, "made_ready", ready)
    with pytest.raises(TrialError, match="received enough"):
        export_model(request, progress=Silent())
    settings, split = heard["configuration"].training, heard["split"]
    assert heard["folds"] == (), "one model is trained, not one a fold"
    assert (settings.keep, settings.patience) == ("last", 0)
    assert heard["seed"] == (0, 0)
    assert heard["reporter"].epochs == request.row.measurement.selected_epoch
    assert (len(split.train), len(split.validation), len(split.test)) == (51, 51, 9)
    assert not np.intersect1d(split.train, split.test).size
    assert not list(tmp_path.iterdir())


def test_a_model_that_is_not_the_trial_is_not_written(
    finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = check_export(finished[0], tmp_path / "model.keras")
    theirs = keras.Sequential([keras.Input((32, 32, 3)), layers.GlobalAveragePooling2D(), layers.Dense(2)])
    model = deployable_hypermodel(theirs, Reading(one_hot=False, form="logits", num_classes=2), 32)

    def another(*arguments: object) -> tuple[keras.Model, Evaluation, PreparedData]:
        data = export.same_images(request.record, request.definition, progress=Silent())
        other = model.predict(data.pixels[data.split.validation], verbose=0)[:, ::-1] + 1e-6
        return model, evaluate(np.log(other), data.index.labels[data.split.validation]), data

    monkeypatch.setattr(export, "_trained", another)
    with pytest.raises(TrialError, match=r"the exported model: received probabilities .* nothing was written"):
        export_model(request, progress=Silent())
    assert not list(tmp_path.iterdir())


# ---- formats ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small() -> keras.Model:
    """Raw pixels to three probabilities."""
    keras.utils.set_random_seed(1)
    parts = [layers.Rescaling(1 / 255), layers.Conv2D(4, 3, activation="relu"), layers.BatchNormalization()]
    ends = [layers.GlobalAveragePooling2D(), layers.Dropout(0.5), layers.Dense(3, "softmax")]
    theirs = keras.Sequential([keras.Input((16, 16, 3)), *parts, *ends])
    return deployable_hypermodel(theirs, Reading(one_hot=False, form="probabilities", num_classes=3), 16)


@pytest.mark.parametrize(
    ("kind", "name"),
    [(ExportKind.KERAS, "m.keras"), (ExportKind.SAVED_MODEL, "m"), (ExportKind.TFLITE, "m.tflite")],
)
def test_every_format_says_the_same(
    finished: Finished, small: keras.Model, tmp_path: Path, kind: ExportKind, name: str
) -> None:
    form = None if kind is ExportKind.TFLITE else kind.value
    request = check_export(finished[0], tmp_path / name, form=form)
    pixels = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 3), np.uint8)
    asked = export._write(small, tmp_path / name, request)
    said = export._said(asked, pixels, np.arange(40), lambda count: None)
    assert said == pytest.approx(small.predict(pixels, verbose=0), abs=1e-4)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    if kind is ExportKind.SAVED_MODEL:
        assert np.asarray(tf.saved_model.load(tmp_path / name).serve(pixels[:3])).shape == (3, 3)


def test_what_tensorflow_cannot_write_is_a_fault_of_the_place(
    finished: Finished, small: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = check_export(finished[0], tmp_path / "m", form="savedmodel")

    def full(path: Path, **options: object) -> None:
        said = "{{function_node save}} /a/part-0.tempstate1; No space left on device [Op:SaveV2]"
        raise tf.errors.ResourceExhaustedError(None, None, said)

    monkeypatch.setattr(small, "export", full)
    with pytest.raises(OSError, match=r"^No space left on device$"):
        export._write(small, tmp_path / "m", request)


# ---- somebody's own model --------------------------------------------------------------------------------------------

CODE = """
import keras
from keras import layers

def build(hp):
    model = keras.Sequential([
        keras.Input((16, 16, 3)), layers.Rescaling(1 / 255), layers.Flatten(),
        layers.Dropout(hp.Float("drop", 0.0, 0.5)), layers.Dense(1, activation="sigmoid"),
    ])
    model.compile("adam", loss="binary_crossentropy")
    return model
"""
STUDY = """
name = "theirs"
[data]
source = "photos"
image_size = 16
[model]
hypermodel = "export_theirs:build"
[training]
epochs = 2
[search]
trials = 1
finalists = 0
"""


def test_a_hypermodel_is_trained_again_too(
    noisy_photos: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "export_theirs.py").write_text(CODE)
    (tmp_path / "study.toml").write_text(STUDY)
    noisy_photos(tmp_path / "photos", {"cat": 90, "dog": 150}, count=20, size=16)
    run_study(str(tmp_path / "study.toml"), database=tmp_path / "study.db")
    request = check_export(tmp_path / "study.db", tmp_path / "model.keras", trial="0", trust=True)
    _, agreement = export_model(request, progress=Silent())
    sys.modules.pop("export_theirs", None)
    assert "image by image what the trial scored" in agreement
    card = (tmp_path / "model.card.md").read_text("utf-8")
    assert 'hypermodel = "export_theirs:build"' in card
    assert "drop = " in card


@keras.saving.register_keras_serializable("theirs")
class Own(layers.Layer):  # type: ignore[misc]
    """A layer that plain Keras does not know."""

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        return inputs * 2.0


def test_layers_that_plain_keras_does_not_know_are_refused(finished: Finished, tmp_path: Path) -> None:
    theirs = keras.Sequential([keras.Input((16, 16, 3)), Own(), layers.GlobalAveragePooling2D()])
    model = deployable_hypermodel(theirs, Reading(one_hot=False, form="logits", num_classes=3), 16)
    request = check_export(finished[0], tmp_path / "m.keras")
    with pytest.raises(BackboneError, match=r"m\.keras: received the class theirs>Own.*add --format savedmodel"):
        export._write(model, tmp_path / "m.keras", request)
    request = check_export(finished[0], tmp_path / "m", form="savedmodel")
    pixels = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), np.uint8)
    said = export._write(model, tmp_path / "m", request)(pixels)
    assert said == pytest.approx(model.predict(pixels, verbose=0), abs=1e-5)


def test_a_trial_ends_where_it_ended() -> None:
    advanced: list[int] = []
    reporter = export._Until(2, lambda units=1: advanced.append(units))
    record = type("Record", (), {"epoch": 1})()
    assert reporter.epoch(record)
    record.epoch = 2
    assert not reporter.epoch(record)
    assert len(advanced) == 2
