"""What `sweep export` refuses, and what it takes, before TensorFlow is loaded."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sweep.errors import StoreError, UsageError
from sweep.records import StudyRecord
from sweep.report.gather import Report
from sweep.store.results import Database
from sweep.workflow import export_request
from sweep.workflow.export_request import ExportKind, check_export
from sweep.workflow.opened import OpenedStudy

Finished = tuple[Path, OpenedStudy]


@pytest.fixture
def database(finished: Finished, tmp_path: Path) -> Path:
    return Path(shutil.copy(finished[0], tmp_path / "study.db"))


def change(database: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    """Change the stored definition of the study."""
    with closing(sqlite3.connect(database)) as connection, connection:
        (text,) = connection.execute("SELECT definition FROM sweep_studies").fetchone()
        definition = json.loads(text)
        edit(definition)
        connection.execute("UPDATE sweep_studies SET definition = ?", (json.dumps(definition),))


@pytest.mark.parametrize(
    ("output", "form", "kind", "beside"),
    [
        ("my.keras", None, ExportKind.KERAS, ["my.labels.txt", "my.card.md"]),
        ("my.KERAS", "keras", ExportKind.KERAS, ["my.labels.txt", "my.card.md"]),
        ("my.tflite", None, ExportKind.TFLITE, ["my.labels.txt", "my.card.md"]),
        ("exported", "savedmodel", ExportKind.SAVED_MODEL, ["exported.labels.txt", "exported.card.md"]),
        ("my.toml", None, ExportKind.STUDY, []),
        ("my.py", None, ExportKind.CODE, ["my.files.csv", "my.backbone.keras"]),
    ],
)
def test_the_name_says_what_is_written(
    finished: Finished, tmp_path: Path, output: str, form: str | None, kind: ExportKind, beside: list[str]
) -> None:
    request = check_export(finished[0], tmp_path / output, form=form)
    assert (request.kind, request.target) == (kind, tmp_path / output)
    assert [path.name for path in request.files[1:]] == beside


@pytest.mark.parametrize(
    ("output", "form", "message"),
    [
        ("model.h5", None, r"--output: received '.*model\.h5', whose suffix says nothing"),
        ("model.keras", "tflite", r"--format: received tflite for '.*model\.keras'.*leave --format out"),
        ("study.toml", "keras", r"--format: received keras for '.*study\.toml'"),
        ("model", "tflite", r"write --output model\.tflite"),
        ("model.keras", "savedmodel", "--format: received savedmodel"),
    ],
)
def test_names_and_formats_that_do_not_fit_are_refused(
    finished: Finished, tmp_path: Path, output: str, form: str | None, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        check_export(finished[0], tmp_path / output, form=form)


def test_best_is_rank_1_and_a_number_is_that_trial(finished: Finished, tmp_path: Path) -> None:
    best = check_export(finished[0], tmp_path / "model.keras")
    assert best.row.rank == 1
    assert finished[1].best is not None
    assert best.row.number == finished[1].best.number
    for trial in finished[1].trials:
        one = check_export(finished[0], tmp_path / "model.keras", trial=str(trial.number))
        assert one.row.number == trial.number
        assert one.configuration.stored() == trial.configuration
        assert one.diagnosis.number == trial.number
        assert one.stored is not None
        assert len(one.stored.predicted) == 12


@pytest.mark.parametrize("trial", ["9", "-1", "first", ""])
def test_a_trial_that_is_not_there_is_refused(finished: Finished, tmp_path: Path, trial: str) -> None:
    with pytest.raises(UsageError, match=rf"--trial: received '{trial}'; expected best, or the number of a trial"):
        check_export(finished[0], tmp_path / "model.keras", trial=trial)


def test_a_duplicate_is_the_trial_that_it_repeats(
    finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = export_request.read_report

    def with_duplicate(opened: Database, record: StudyRecord) -> Report:
        report = read(opened, record)
        rows = tuple(replace(row, duplicates=(17,)) if row.number == 1 else row for row in report.ranking.rows)
        return replace(report, ranking=replace(report.ranking, rows=rows))

    monkeypatch.setattr(export_request, "read_report", with_duplicate)
    assert check_export(finished[0], tmp_path / "model.keras", trial="17").row.number == 1


def test_nothing_that_beats_the_class_frequencies_is_no_best(
    finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = export_request.read_report

    def without_leader(opened: Database, record: StudyRecord) -> Report:
        report = read(opened, record)
        return replace(report, ranking=replace(report.ranking, leader=None))

    monkeypatch.setattr(export_request, "read_report", without_leader)
    with pytest.raises(UsageError, match=r"shown to beat the class frequencies.*name a trial with --trial N"):
        check_export(finished[0], tmp_path / "model.keras")
    assert check_export(finished[0], tmp_path / "model.keras", trial="0").row.number == 0


def test_folds_have_no_one_model(database: Path, tmp_path: Path) -> None:
    change(database, lambda definition: definition["data"].update(validation={"folds": 3, "repeats": 1}))
    with pytest.raises(UsageError, match=r"received 3 folds, each of which trained a model.*add --all-data"):
        check_export(database, tmp_path / "model.keras")
    with pytest.raises(UsageError, match=r"received 3 folds.*write --output study\.toml"):
        check_export(database, tmp_path / "model.py")
    assert check_export(database, tmp_path / "model.keras", all_data=True).all_data
    assert check_export(database, tmp_path / "study.toml").kind is ExportKind.STUDY


@pytest.mark.parametrize("output", ["study.toml", "model.py"])
def test_what_holds_no_weights_is_trained_on_no_data(finished: Finished, tmp_path: Path, output: str) -> None:
    with pytest.raises(UsageError, match="--all-data: received it together with a file that holds no weights"):
        check_export(finished[0], tmp_path / output, all_data=True)


def test_a_hypermodels_code_needs_trust_and_cannot_be_written_down(database: Path, tmp_path: Path) -> None:
    def edit(definition: dict[str, Any]) -> None:
        definition.update(model={"hypermodel": "absent_module:build"}, training={}, space={})

    change(database, edit)
    with pytest.raises(UsageError, match=r"absent_module:build: received code that would be run.*--trust"):
        check_export(database, tmp_path / "model.keras")
    for output in ("study.toml", "model.py"):
        with pytest.raises(UsageError, match=r"the hypermodel absent_module:build.*write --output model\.keras"):
            check_export(database, tmp_path / output)


def test_a_database_of_version_1_does_not_know_where_its_images_were(database: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE sweep_studies SET base = NULL")
    with pytest.raises(StoreError, match="no folder that its images lie in"):
        check_export(database, tmp_path / "model.keras")


def test_what_is_there_is_seen_before_the_database_is_read(tmp_path: Path) -> None:
    (tmp_path / "model.labels.txt").touch()
    with pytest.raises(UsageError, match=r"model\.labels\.txt: received a file that exists"):
        check_export(tmp_path / "absent.db", tmp_path / "model.keras")
    with pytest.raises(StoreError, match=r"absent\.db"):
        check_export(tmp_path / "absent.db", tmp_path / "model.keras", force=True)
