"""`sweep compare`: two trials or two studies side by side."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from sweep.cli.options import DatabaseArgument, Format, FormatOption, StudyNameOption, print_outcome

__all__ = ["compare"]


def compare(
    database: DatabaseArgument,
    first: Annotated[
        str,
        typer.Argument(metavar="A", help="A trial's number, best, baseline, or a study's name.", show_default=False),
    ],
    second: Annotated[str, typer.Argument(metavar="B", help="Likewise.", show_default=False)],
    study: StudyNameOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Set two trials, or the first ones of two studies, side by side: what differs, which is better, is it shown.

    Example: sweep compare study.db baseline best
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as for `sweep report`, whose ranking it reads

    from sweep.workflow import compare as workflow  # noqa: PLC0415 - keeps `--help` fast

    print_outcome(workflow.compare(database, first, second, study=study), output)
