"""A finished study in another database gives the same report."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from sweep.errors import StoreError, UsageError
from sweep.report.tables import render_table
from sweep.workflow.copy import copy_study
from sweep.workflow.opened import OpenedStudy, open_study
from sweep.workflow.report import load_report

Finished = tuple[Path, OpenedStudy]
SECRET = "pass-word"


def test_a_copy_on_a_server_and_back_reports_the_same(finished: Finished, postgres_url: str, tmp_path: Path) -> None:
    there = copy_study(finished[0], postgres_url)
    assert there[0].startswith("study photos: 3 trials copied to ")
    assert SECRET not in "".join(there)
    back = tmp_path / "back.db"
    assert copy_study(postgres_url, back, study="photos")[1] == f"next: sweep report {back}"
    original = finished[1]
    for location in (postgres_url, back):
        report = load_report(location)
        assert render_table(report, "json") == render_table(load_report(finished[0]), "json")
        assert SECRET not in report.arguments
        copied = open_study(location)
        pd.testing.assert_frame_equal(copied.trials_frame(), original.trials_frame())
        pd.testing.assert_frame_equal(copied.epochs(), original.epochs())
        pd.testing.assert_frame_equal(copied.waterfall(), original.waterfall())


def test_a_study_that_is_not_there_makes_no_database(finished: Finished, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no study 'bears'"):
        copy_study(finished[0], tmp_path / "new.db", study="bears")
    assert list(tmp_path.iterdir()) == []


def test_a_copy_into_itself_is_refused(finished: Finished) -> None:
    with pytest.raises(StoreError, match="knows a study 'photos' already"):
        copy_study(finished[0], finished[0])


def test_memory_keeps_no_copy(finished: Finished) -> None:
    with pytest.raises(UsageError, match="a database in memory"):
        copy_study(finished[0], "sqlite://")
