"""Auditing classifiers from elsewhere: with a planted fault, and without."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from numpy.typing import NDArray
from PIL import Image

from sweep.diagnosis.verdict import Outcome
from sweep.errors import DataError, UsageError
from sweep.records import Cause
from sweep.studyfile.load import load_study
from sweep.training.foreign import prepared
from sweep.workflow.audit import audit
from sweep.workflow.audit_outcome import AuditOutcome

SIZE = 32
CLASSES = ("cat", "dog")
COUNTS = {"train": 60, "val": 40}


def write_photos(folder: Path, count: int, seed: int) -> None:
    """Cats are darker than dogs, mostly."""
    rng = np.random.default_rng(seed)
    for label, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for number, grey in enumerate(rng.normal(95 + 60 * label, 22, count)):
            pixels = np.clip(grey + rng.normal(0, 30, (SIZE, SIZE, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """train/ and val/ of two classes."""
    root = tmp_path_factory.mktemp("photos")
    for seed, (side, count) in enumerate(COUNTS.items()):
        write_photos(root / side, count, seed)
    return root


def pixels_of(folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    files = [(file, label) for label, name in enumerate(CLASSES) for file in sorted((folder / name).iterdir())]
    return np.array([np.asarray(Image.open(file)) for file, _ in files]), np.array([label for _, label in files])


@pytest.fixture(scope="module")
def transferred() -> keras.Model:
    """A frozen part that gives the brightness, among others, and a head that takes bright pictures of 0..1 for dogs."""
    mixed = layers.Conv2D(3, 1, use_bias=False, name="mixed", trainable=False)
    hidden, outputs = layers.Dense(8, activation="relu"), layers.Dense(2, activation="softmax")
    pooling, dropout = layers.GlobalAveragePooling2D(), layers.Dropout(0.5)
    model = keras.Sequential([keras.Input((SIZE, SIZE, 3)), mixed, pooling, hidden, dropout, outputs])
    mixed.set_weights([np.array([[[[1, 1, 0], [1, 0, 1], [1, 0, 0]]]]) / 3])
    towards_dog = np.outer(np.ones(8), [-5.0, 5.0])
    hidden.set_weights([np.outer([1.0, 0, 0], np.ones(8)), np.zeros(8)])
    outputs.set_weights([towards_dog, -0.49 * towards_dog.sum(axis=0)])
    return model


@pytest.fixture(scope="module")
def saved(transferred: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "mine.keras"
    transferred.save(path)
    return path


@pytest.fixture(scope="module")
def study_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("written") / "mine.toml"


@pytest.fixture(scope="module")
def kept() -> list[AuditOutcome]:
    """The one audit that many tests look at."""
    return []


@pytest.fixture
def outcome(kept: list[AuditOutcome], saved: Path, photos: Path, study_file: Path) -> AuditOutcome:
    """Of the transferred model; its study file is written too."""
    if not kept:
        kept.append(audit(str(saved), str(photos), study_file=str(study_file)))
    return kept[0]


def outcomes(found: AuditOutcome) -> dict[Cause, Outcome]:
    return {one.finding.cause: one.outcome for one in found.verdict.judged}


# ---- a model with a frozen part --------------------------------------------------------------------------------------


def test_the_clean_numbers_are_the_models_own(outcome: AuditOutcome, transferred: keras.Model, photos: Path) -> None:
    for place, side in enumerate(("train", "val")):
        pixels, labels = pixels_of(photos / side)
        said = transferred.predict(prepared(pixels, "0..1"), verbose=0).argmax(axis=1)
        assert outcome.accuracies[place] == pytest.approx((said == labels).mean())
    assert outcome.images == (120, 80)
    assert any(note.startswith("pixels are given as 0..1: right on") for note in outcome.notes)


def test_the_waterfall_starts_at_the_mode_of_training(outcome: AuditOutcome) -> None:
    for fall in outcome.plain["waterfall"]:
        sign = 1 if fall["quantity"] == "accuracy" else -1
        steps, terms = fall["steps"], {term["name"]: term for term in fall["terms"]}
        assert list(steps) == ["E1", "E2", "E3", "E4", "E5"]
        assert list(terms) == ["dropout", "augmentation", "batch_norm", "clean_gap"]
        assert sum(term["estimate"] for term in terms.values()) == pytest.approx(sign * (steps["E1"] - steps["E5"]))
        assert terms["batch_norm"]["unchanged"] == "no batch norm that trains"
        assert terms["dropout"]["estimate"] < 0 == terms["augmentation"]["estimate"]
    assert outcome.plain["waterfall"][0]["steps"]["E5"] == pytest.approx(outcome.accuracies[1])


def test_what_a_file_cannot_say_is_not_measured_and_what_cannot_be_is_excluded(outcome: AuditOutcome) -> None:
    found = outcomes(outcome)
    unmeasured = {cause for cause, one in found.items() if one is Outcome.NOT_MEASURED}
    assert unmeasured == {
        Cause.BOOKKEEPING,
        Cause.LAST_EPOCH,
        Cause.RESOLUTION,
        Cause.CAPACITY,
        Cause.OVER_REGULARIZED,
        Cause.LEARNING_RATE,
        Cause.IDLE_DROPOUT,
        Cause.DISTORTION,  # where the backbone ends is known of those in the catalog alone
    }
    for cause in (Cause.BATCH_NORM, Cause.NOT_TRAINING):
        assert found[cause] is Outcome.EXCLUDED
    assert Cause.BEST_OF_MANY not in found, "which is of a search"


def test_its_json_has_the_keys_of_a_diagnosis(outcome: AuditOutcome) -> None:
    told = json.loads(json.dumps(outcome.plain))
    keys = {"study", "trial", "status", "sentence", "harm", "causes", "proofs", "paths"}
    assert set(told) == keys | {"waterfall", "notes"}
    assert told["trial"] is None


def test_its_lines_tell_numbers_notes_and_verdict(outcome: AuditOutcome, saved: Path) -> None:
    lines = outcome.lines
    assert lines[0] == f"model {saved} on {outcome.study}"
    assert lines[1].startswith("clean: right on ")
    assert "120 training and" in lines[1]
    assert lines[2].startswith("in the mode of training: right on ")
    assert "; to clean dropout +" in lines[2]
    assert "note: the probes of data go by the features of the model's own frozen part" in lines
    assert any(line.startswith("verdict: ") for line in lines)


def test_the_study_file_has_the_model_as_its_baseline(outcome: AuditOutcome, study_file: Path, photos: Path) -> None:
    study, text = load_study(study_file), study_file.read_text("utf-8")
    model = study.model
    assert (model.backbone, model.preprocessing, model.pooling) == ("efficientnet-lite0", "auto", "avg")
    assert (model.head_width, model.dropout, model.dropout_position) == ((8,), 0.5, "after_dense")
    assert (study.data.image_size, Path(study.data.source)) == (SIZE, photos.resolve())
    unread = "its backbone, which is none of the catalog"
    assert f"{study_file} is a study file whose baseline is this model; not read off: {unread}" in outcome.notes
    assert f"# Not read off mine.keras: {unread}." in text
    assert "# as in mine.keras" in text


# ---- classes, sides and sizes ----------------------------------------------------------------------------------------


def test_classes_in_another_order_are_noticed_and_can_be_named(
    transferred: keras.Model, outcome: AuditOutcome, photos: Path, tmp_path: Path
) -> None:
    turned = keras.Model(transferred.inputs, layers.Dense(2, use_bias=False)(transferred.outputs[0]))
    turned.layers[-1].set_weights([np.array([[-5.0, 5.0], [5.0, -5.0]])])
    turned.save(tmp_path / "turned.keras")
    arguments: dict[str, Any] = {
        "model": str(tmp_path / "turned.keras"),
        "folder": str(photos),
        "preprocessing": "0..1",
    }
    with pytest.raises(
        DataError, match=r"the order of its outputs, which seems to be dog,cat \(.*add --classes dog,cat"
    ):
        audit(**arguments)
    with pytest.raises(UsageError, match=r"--classes: received dog; expected each of cat, dog once"):
        audit(**arguments, classes=["dog"])
    assert audit(**arguments, classes=["dog", "cat"]).accuracies == outcome.accuracies


def bright(*, momentum: float = 0.99) -> keras.Model:
    """Takes bright pictures for dogs, by batch norm: right on each batch, and wrong while nothing has moved."""
    grey = layers.Conv2D(1, 1, use_bias=False)
    norm, logits = layers.BatchNormalization(momentum=momentum), layers.Dense(1, activation="sigmoid")
    model = keras.Sequential(
        [keras.Input((None, None, 3)), layers.AveragePooling2D(SIZE), grey, norm, layers.Flatten()]
    )
    model = keras.Sequential([keras.Input((SIZE, SIZE, 3)), *model.layers, logits])
    grey.set_weights([np.full((1, 1, 3, 1), 1 / 3)])
    logits.set_weights([np.array([[3.0]]), np.array([0.0])])
    return model


def test_stale_statistics_are_found_and_the_bias_that_they_make_is_not(photos: Path, tmp_path: Path) -> None:
    """Without moving statistics every picture is a dog; on those of a batch hardly any is wrong."""
    bright().save(tmp_path / "stale.keras")
    found = audit(str(tmp_path / "stale.keras"), str(photos), preprocessing="0..1")
    assert found.accuracies == (0.5, 0.5)
    first = found.verdict.causes[0]
    assert first.cause is Cause.BATCH_NORM
    assert first.effect is not None
    assert first.effect.estimate > 0.4
    said = outcomes(found)
    assert said[Cause.CLASS_BIAS] is not Outcome.FOUND
    assert said[Cause.PREPROCESSING] is said[Cause.WEAK_FEATURES] is said[Cause.BOTTLENECK] is Outcome.NOT_MEASURED
    assert any("the features of efficientnet-lite0: no part of the model is frozen" in note for note in found.notes)
    assert "pixels are given as 0..1, as asked" in found.notes


def test_a_folder_without_sides_is_split_by_us_and_that_is_said(tmp_path: Path, saved: Path) -> None:
    write_photos(tmp_path / "plain", 30, 7)
    found = audit(str(saved), str(tmp_path / "plain"), preprocessing="0..1")
    assert sum(found.images) == 60, "nothing is sealed"
    assert any(note.startswith("the split is ours, since the folder has no validation folder") for note in found.notes)


def test_a_size_that_the_model_does_not_take_is_refused(saved: Path, photos: Path) -> None:
    with pytest.raises(UsageError, match=r"--set data\.image_size: received 64; expected 32, the size that"):
        audit(str(saved), str(photos), sets=["data.image_size=64"])
