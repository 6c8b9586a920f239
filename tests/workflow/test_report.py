"""A stored study is reported without training anything."""

from __future__ import annotations

import csv
import html
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import get_args

import optuna
import pytest

from sweep.errors import StoreError
from sweep.records import Cause, Exhibit, Finding, Interval
from sweep.store.results import Database, open_database
from sweep.workflow.diagnose import diagnose
from sweep.workflow.opened import OpenedStudy, open_study
from sweep.workflow.report import (
    ReportFormat,
    load_report,
    print_json_schema,
    print_report,
    write_page,
    write_runs,
)

FRAMES = Finding(
    cause=Cause.BURSTS,
    effect=Interval(estimate=0.1, low=0.05, high=0.2),
    p=0.0,
    summary="Frames of one source are on both sides",
    exhibits=(Exhibit(caption="one source", images=(3, 4)),),
)


def test_the_page_is_one_file_that_asks_for_nothing(finished: tuple[Path, OpenedStudy], tmp_path: Path) -> None:
    page = write_page(load_report(finished[0]), tmp_path / "study.html").read_text("utf-8")
    assert "<script src" not in page
    assert "<link" not in page
    assert "<b>cat" not in page, "class names stay text"
    assert "&lt;b&gt;cat" in page


def test_curves_come_with_the_report_and_every_epoch_with_an_opened_study(
    finished: tuple[Path, OpenedStudy],
) -> None:
    report = load_report(finished[0])
    opened = {trial.number: trial.measurement for trial in finished[1].trials}
    assert all(trial.measurement is not None and trial.measurement.epochs == () for trial in report.trials)
    assert list(report.epochs) == [row.number for row in sorted(report.rows, key=lambda row: row.number)]
    assert {number: len(epochs) for number, epochs in report.epochs.items()} == {0: 2, 1: 2, 2: 2}
    for number, epochs in report.epochs.items():
        measured = opened[number]
        assert measured is not None
        assert epochs == measured.epochs


@pytest.mark.parametrize("form", ["table", "json", "csv", "markdown"])
def test_every_format_reaches_stdout(
    finished: tuple[Path, OpenedStudy], capsys: pytest.CaptureFixture[str], form: ReportFormat
) -> None:
    print_report(load_report(finished[0]), form)
    out = capsys.readouterr().out
    assert out.strip()
    if form == "json":
        assert json.loads(out)["schema"] == "sweep.report"


def test_a_page_that_cannot_be_written_is_one_line(finished: tuple[Path, OpenedStudy], tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="--html FILE"):
        write_page(load_report(finished[0]), tmp_path / "absent" / "study.html")


def test_a_missing_database_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"none\.db"):
        load_report(tmp_path / "none.db")


# ---- the verdict ---------------------------------------------------------------------------------------------------


def test_it_is_the_verdict_of_diagnose_and_reads_the_trials_once(
    finished: tuple[Path, OpenedStudy], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    every, images = Database.trials, Database.images
    monkeypatch.setattr(Database, "trials", lambda *a, **k: read.append("trials") or every(*a, **k))  # type: ignore[func-returns-value]
    monkeypatch.setattr(Database, "images", lambda *a: read.append("images") or images(*a))  # type: ignore[func-returns-value]
    report = load_report(finished[0])
    assert sorted(read) == ["images", "trials"]
    assert report.diagnosis is not None
    assert report.diagnosis.plain == diagnose(finished[0]).plain
    assert report.arguments == str(finished[0])
    assert load_report(finished[0], study="photos").arguments == f"{finished[0]} --study photos"


def test_a_study_whose_baseline_has_no_result_is_reported_without_a_verdict(
    finished: tuple[Path, OpenedStudy], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    every = Database.trials
    monkeypatch.setattr(
        Database, "trials", lambda *a, **k: tuple(replace(one, baseline=False) for one in every(*a, **k))
    )
    report = load_report(finished[0])
    assert report.diagnosis is None
    page = write_page(report, tmp_path / "page.html").read_text("utf-8")
    assert "No verdict yet: our default has no result." in page


def test_pictures_are_in_the_page_unless_they_are_left_out(finished: tuple[Path, OpenedStudy], tmp_path: Path) -> None:
    database = Path(shutil.copy(finished[0], tmp_path / "study.db"))
    with open_database(database) as opened:
        opened.save_findings("photos", [FRAMES], trial=None)
    report = load_report(database)
    path = report.images[3][0].path
    with_them = write_page(report, tmp_path / "page.html").read_text("utf-8")
    assert with_them.count('<img src="data:image/jpeg;base64,') == 2
    without = write_page(report, tmp_path / "page.html", with_thumbnails=False).read_text("utf-8")
    assert "<img" not in without
    assert f"<bdi>{html.escape(path).replace('/', '/<wbr>')}</bdi>" in without
    assert "not there any more" not in without


# ---- while it runs -------------------------------------------------------------------------------------------------


def test_a_study_that_still_runs_is_reported_in_every_form(
    finished: tuple[Path, OpenedStudy], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = Path(shutil.copy(finished[0], tmp_path / "study.db"))
    with open_database(database) as opened:
        running = optuna.load_study(study_name="photos", storage=opened.optuna_storage()).ask()
        running.suggest_float("dropout", 0.0, 0.9)
        study = open_study(database)
        assert study.trials_frame()["state"].tolist() == ["complete"] * 3 + ["running"]
        for form in get_args(ReportFormat):
            print_report(study.report, form)
            assert capsys.readouterr().out
        print_report(study.report, "csv")
        last = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))[-1]
        assert (last["trial"], last["state"], last["gap"]) == ("3", "running", "")
        assert write_runs(study.report, tmp_path / "runs") == 4
        assert write_page(study.report, tmp_path / "page.html").is_file()
        assert study.figures()


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    print_json_schema()
    assert json.loads(capsys.readouterr().out)["$id"] == "urn:gapsweep:report:1"
