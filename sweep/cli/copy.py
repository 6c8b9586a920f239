"""`sweep copy`: a study from one database to another."""

from __future__ import annotations

from typing import Annotated

import typer

from sweep.cli.options import DatabaseArgument, StudyNameOption

__all__ = ["copy"]


def copy(
    database: DatabaseArgument,
    target: Annotated[
        str,
        typer.Argument(help="Where to: a file or a URL; made where it is missing.", show_default=False),
    ],
    study: StudyNameOption = None,
) -> None:
    """Copy a study with everything between databases, SQLite's or PostgreSQL's.

    Example: sweep copy study.db postgresql+psycopg://anna@server/studies
    """
    from sweep.cli.output import live_progress  # noqa: PLC0415 - keeps `sweep --help` fast
    from sweep.workflow.copy import copy_study  # noqa: PLC0415

    with live_progress() as progress:
        lines = copy_study(database, target, study=study, progress=progress)
    for line in lines:
        typer.echo(line)
