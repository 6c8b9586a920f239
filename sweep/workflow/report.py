"""`sweep report`: a stored study becomes a verdict, a ranking, tables and a page; loads no TensorFlow."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Literal

from sweep.diagnosis.ranking import Sort
from sweep.errors import StoreError, UsageError
from sweep.report.document import json_schema
from sweep.report.figure_set import draw_figures
from sweep.report.gather import Report
from sweep.report.images import ImageFormat, write_images
from sweep.report.page import render_page
from sweep.report.tables import render_table
from sweep.report.text import print_opening, print_text
from sweep.store.results import open_database
from sweep.workflow.diagnose import diagnose_opened
from sweep.workflow.pictures import thumbnail_addresses
from sweep.workflow.reading import read_report

__all__ = [
    "ReportFormat",
    "load_report",
    "print_holdout",
    "print_json_schema",
    "print_report",
    "write_figures",
    "write_page",
    "write_runs",
]

ReportFormat = Literal["table", "json", "csv", "markdown"]


def load_report(
    database: str | Path, *, study: str | None = None, sort: Sort = "tier", every_epoch: bool = False
) -> Report:
    """Read a study (the newest unless named), rank it, and name the causes of its baseline's gap.

    Args:
        database: where it is.
        study: its name.
        sort: order of the rows.
        every_epoch: whether the trials come with their epochs; else the curves do that the page shows.

    Returns:
        The report, without a diagnosis where the baseline has no result yet.

    Raises:
        StoreError: the database is missing, foreign, newer or holds no such study.
    """
    with open_database(database) as opened:
        record = opened.study(study)
        arguments = shlex.join([opened.place, *(["--study", study] if study else [])])
        report = replace(read_report(opened, record, sort=sort, every_epoch=every_epoch), arguments=arguments)
        try:
            return replace(report, diagnosis=diagnose_opened(opened, record, report=report))
        except UsageError:
            return report


def print_report(report: Report, form: ReportFormat, *, top: int | None = None) -> None:
    """Print the ranking on stdout; `top` keeps the first rows only."""
    if form == "table":
        print_text(report, top=top)
    else:
        sys.stdout.write(render_table(report, form, top=top))


def print_json_schema() -> None:
    """Print the schema of the JSON report on stdout."""
    sys.stdout.write(json_schema())


def write_figures(report: Report, folder: Path, form: ImageFormat = "png") -> tuple[Path, ...]:
    """Write every figure of the report as an image file; errors as `write_images`.

    Returns:
        The files.
    """
    return write_images(draw_figures(report), folder, form)


def write_runs(report: Report, folder: Path) -> int:
    """Write the trials of a report that has every epoch as runs for TensorBoard; errors as `write_tensorboard`.

    Returns:
        The number of trials written.
    """
    from sweep.report.tensorboard import write_tensorboard  # noqa: PLC0415 - its protocol buffers take time to load

    return write_tensorboard(report, folder)


def print_holdout(report: Report) -> None:
    """Print the latest opening of the sealed test side on stdout; nothing where it was never opened."""
    for opening in report.openings[-1:]:
        print_opening(report, opening)


def write_page(report: Report, path: Path, *, with_thumbnails: bool = True) -> Path:
    """Write the report as one self-contained HTML file.

    Args:
        report: to be written.
        path: of the page.
        with_thumbnails: whether the pictures behind findings are in it, and not their paths alone.

    Raises:
        StoreError: the file cannot be written.
    """
    thumbnails = thumbnail_addresses(report) if with_thumbnails else {}
    try:
        path.write_text(render_page(report, thumbnails), encoding="utf-8")
    except OSError as error:
        raise StoreError(
            str(path),
            received=f"{error.strerror or error}",
            expected="a file that can be written",
            remedy="name another place with `--html FILE`",
        ) from error
    return path
