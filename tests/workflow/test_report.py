"""A stored study is reported without training anything."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sweep.errors import StoreError
from sweep.records import TrialRecord
from sweep.report.captions import importances_caption
from sweep.report.page import render_page
from sweep.store.results import open_database
from sweep.workflow.opened import OpenedStudy
from sweep.workflow.report import ReportFormat, load_report, print_report, read_report, write_page


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


def test_one_influence_is_shown_where_the_other_cannot_be_told(
    finished: tuple[Path, OpenedStudy], trial_record: Callable[..., TrialRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dropout narrows the gap, and validation is the same in every trial."""
    right = np.arange(12) < 9
    trials = tuple(
        trial_record(number, correct=right, train=1 - number / 100, parameters={"dropout": number / 20}, classes=2)
        for number in range(20)
    )
    with open_database(finished[0]) as database:
        study = database.study(None)
        definition = json.loads(study.definition) | {"space": {"dropout": {"low": 0.0, "high": 0.95}}}
        study = replace(study, definition=json.dumps(definition))
        monkeypatch.setattr(database, "trials", lambda name, **_: trials)
        report = read_report(database, study)
        assert report.importances == {"gap": {"dropout": 1.0}}
        assert report.importances_reason == ""
        assert importances_caption(report) == "The gap is moved most by dropout (100 %)."
        assert "The gap is moved most by dropout (100 %)." in render_page(report)
        monkeypatch.setattr(database, "trials", lambda name, **_: trials[:9])
        report = read_report(database, study)
        assert report.importances == {}
        assert report.importances_reason == "needs 10 complete trials inside the space, has 9"


def test_a_missing_database_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"none\.db"):
        load_report(tmp_path / "none.db")
