"""A study file whose baseline is a model from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from sweep.data.folder import index_source
from sweep.progress import Silent
from sweep.studyfile.definition import DataSettings, StudyDefinition
from sweep.studyfile.load import load_study
from sweep.training.reading_off import ReadOff
from sweep.workflow.audit_study import study_of_model
from sweep.workflow.audited import Audited
from sweep.workflow.draft import draft_study

PhotoFolder = Callable[..., Path]
Write = Callable[..., tuple[StudyDefinition, str]]


@pytest.fixture
def write(photo_folder: PhotoFolder, tmp_path: Path) -> Write:
    """The study file of what was read, loaded again, and its text."""
    folder = photo_folder({"cat": 12, "dog": 12})
    index = index_source(DataSettings(source=folder.as_posix()), progress=Silent(), base=tmp_path)
    draft = draft_study(index, folder.as_posix(), [(40, 40)])

    def written(read: ReadOff, preprocessing: str = "-1..1") -> tuple[StudyDefinition, str]:
        foreign = SimpleNamespace(file=SimpleNamespace(path=Path("mine.keras")))
        one = cast("Audited", SimpleNamespace(foreign=foreign, read=read))
        text = study_of_model(one, draft, image_size=96, preprocessing=preprocessing)
        (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
        return load_study(tmp_path / "mine.toml"), text

    return written


def test_every_field_that_was_read_is_the_baselines(write: Write) -> None:
    read = ReadOff(
        backbone="mobilenet",
        model={
            "backbone": "mobilenet",
            "unfrozen_layers": 6,
            "batch_norm": "train",
            "pooling": "max",
            "head_width": [64, 16],
            "dropout": [0.4, 0.2],
            "dropout_position": "after_dense",
            "l2": 1e-3,
        },
        training={"optimizer": "sgd", "learning_rate": 5e-4},
    )
    study, text = write(read)
    assert study.baseline.stored() == study.baseline.stored() | {
        "backbone": "mobilenet",
        "preprocessing": "-1..1",
        "unfrozen_layers": 6,
        "batch_norm": "train",
        "pooling": "max",
        "head_width": "64-16",
        "dropout": "0.4-0.2",
        "l2": 1e-3,
        "optimizer": "sgd",
        "learning_rate": 5e-4,
    }
    assert study.data.image_size == 96
    assert not {"dropout", "head_width"} & set(study.space), "a list of rates fits one number of layers alone"
    assert "mobilenet" in next(line for line in text.splitlines() if line.startswith("backbone = "))
    assert text.count("# as in mine.keras") == 11
    assert "Not read off" not in text


def test_pixels_that_no_field_says_are_said(write: Write) -> None:
    _, text = write(ReadOff(backbone="mobilenet", model={"backbone": "mobilenet"}), "")
    assert "# Not read off mine.keras: how its backbone is given pixels." in text.splitlines()


def test_what_was_not_read_is_said_and_no_head_of_the_drafts_is_put_in(write: Write) -> None:
    study, text = write(ReadOff(unread=["its backbone, which is none of the catalog"]), "")
    assert (study.model.backbone, study.model.head_width, study.model.dropout) == ("efficientnet-lite0", (), 0.0)
    assert study.model.preprocessing == "auto", "which is that of the draft's backbone"
    assert "# Not read off mine.keras: its backbone, which is none of the catalog." in text.splitlines()
    assert {"dropout", "head_width"} <= set(study.space)
