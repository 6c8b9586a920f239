"""`sweep diagnose`: the causes of the gap, with their evidence and remedies."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from sweep.cli.options import DatabaseArgument, Format, FormatOption, StudyNameOption, print_outcome

__all__ = ["diagnose"]


def diagnose(
    database: DatabaseArgument,
    study: StudyNameOption = None,
    trial: Annotated[int | None, typer.Option(min=0, help="A trial's number; your configuration unless named.")] = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Name the causes of the gap, with evidence and remedies.

    Example: sweep diagnose study.db
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as for `sweep report`, whose ranking it reads

    from sweep.workflow import diagnose as workflow  # noqa: PLC0415 - keeps `--help` fast

    found = workflow.diagnose(database, study=study, trial=trial)
    print_outcome(found, output)
