"""`sweep diagnose`: the causes of the gap, with their evidence and remedies."""

from __future__ import annotations

import json
import os
from enum import StrEnum
from typing import Annotated

import typer

from sweep.cli.options import DatabaseArgument, StudyNameOption

__all__ = ["diagnose"]


class Format(StrEnum):
    """How the verdict is printed."""

    TABLE = "table"
    JSON = "json"


def diagnose(
    database: DatabaseArgument,
    study: StudyNameOption = None,
    trial: Annotated[int | None, typer.Option(min=0, help="A trial's number; your configuration unless named.")] = None,
    output: Annotated[Format, typer.Option("--format", help="Format on stdout.")] = Format.TABLE,
) -> None:
    """Name the causes of the gap, with evidence and remedies.

    Example: sweep diagnose study.db
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as for `sweep report`, whose ranking it reads

    from sweep.workflow import diagnose as workflow  # noqa: PLC0415 - keeps `--help` fast

    found = workflow.diagnose(database, study=study, trial=trial)
    if output is Format.JSON:
        typer.echo(json.dumps(found.plain, indent=2, ensure_ascii=False))
        return
    for line in found.lines:
        typer.echo(line)
