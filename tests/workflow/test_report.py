"""A stored study is reported without training anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sweep.errors import StoreError
from sweep.workflow.opened import OpenedStudy
from sweep.workflow.report import ReportFormat, load_report, print_report, write_page


def test_the_page_is_one_file_that_asks_for_nothing(finished: tuple[Path, OpenedStudy], tmp_path: Path) -> None:
    page = write_page(load_report(finished[0]), tmp_path / "study.html").read_text("utf-8")
    assert "<script src" not in page
    assert "<link" not in page
    assert "<b>cat</b>" not in page, "class names stay text"


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
