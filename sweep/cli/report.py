"""`sweep report`: the ranking in the terminal, and the page beside it."""

from __future__ import annotations

import os
import webbrowser
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sweep.cli.options import DatabaseArgument, StudyNameOption

__all__ = ["report"]


class Format(StrEnum):
    """How the ranking is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"


class FigureFormat(StrEnum):
    """How figures are written."""

    PNG = "png"
    SVG = "svg"


class Sort(StrEnum):
    """What comes first."""

    TIER = "tier"
    GAP = "gap"
    VALIDATION = "validation"


def _print_json_schema(requested: bool) -> None:
    if requested:
        from sweep.workflow.report import print_json_schema  # noqa: PLC0415 - keeps `--help` fast

        print_json_schema()
        raise typer.Exit


def report(
    database: DatabaseArgument,
    study: StudyNameOption = None,
    sort: Annotated[Sort, typer.Option(help="Order of the ranking.")] = Sort.TIER,
    html: Annotated[
        Path | None, typer.Option("--html", help="Where the page goes; beside the database by default.")
    ] = None,
    output: Annotated[Format, typer.Option("--format", help="Format of the ranking on stdout.")] = Format.TABLE,
    top: Annotated[int | None, typer.Option(min=1, help="Show only the first rows.")] = None,
    thumbnails: Annotated[
        bool,
        typer.Option(
            "--thumbnails/--no-thumbnails",
            help="Show small copies of the images behind findings in the page, or their file names alone.",
        ),
    ] = True,
    figures: Annotated[
        Path | None, typer.Option("--figures", metavar="DIR", help="Write every figure as an image file, too.")
    ] = None,
    figure_format: Annotated[
        FigureFormat, typer.Option("--figure-format", help="Format of these files.")
    ] = FigureFormat.PNG,
    tensorboard: Annotated[
        Path | None,
        typer.Option("--tensorboard", metavar="DIR", help="Write every trial as a run for TensorBoard, too."),
    ] = None,
    json_schema: Annotated[
        bool,
        typer.Option(
            "--json-schema",
            callback=_print_json_schema,
            is_eager=True,
            help="Print the schema of `--format json` and leave.",
        ),
    ] = False,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Give the verdict, rank a study's configurations and write the page.

    Example: sweep report study.db
    """
    # Its products of matrices are small: threads that wait for one another cost more than they save, and ten times as
    # much where other programs run.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

    from sweep.workflow.databases import page_beside  # noqa: PLC0415 - keeps `--help` fast
    from sweep.workflow.report import (  # noqa: PLC0415 - keeps `--help` fast
        load_report,
        print_report,
        write_figures,
        write_page,
        write_runs,
    )

    loaded = load_report(database, study=study, sort=sort.value, every_epoch=tensorboard is not None)
    page = write_page(loaded, html or page_beside(database), with_thumbnails=thumbnails)
    print_report(loaded, output.value, top=top)
    typer.echo(f"page: {page}", err=True)
    if figures is not None:
        files = write_figures(loaded, figures, figure_format.value)
        typer.echo(f"figures: {len(files)} in {figures}", err=True)
    if tensorboard is not None:
        runs = write_runs(loaded, tensorboard)
        typer.echo(f"TensorBoard: {runs} runs; tensorboard --logdir {tensorboard}", err=True)
    if open_page:
        webbrowser.open(page.resolve().as_uri())
