"""`sweep holdout`: the sealed test side, opened once."""

from __future__ import annotations

from typing import Annotated

import typer

from sweep.cli.options import DatabaseArgument, StudyNameOption

__all__ = ["holdout"]


def holdout(
    database: DatabaseArgument,
    study: StudyNameOption = None,
    top: Annotated[int, typer.Option(help="How many configurations, the baseline among them: 1 to 5.")] = 3,
    acknowledge: Annotated[
        bool, typer.Option("--acknowledge", help="Open images that were opened before; that stays on record.")
    ] = False,
    trust: Annotated[bool, typer.Option("--trust", help="Run the hypermodel's code that the database names.")] = False,
) -> None:
    """Measure the first configurations on the sealed test side, once.

    Example: sweep holdout study.db
    """
    from sweep.cli.native import native_start  # noqa: PLC0415 - keeps `sweep --help` fast
    from sweep.cli.output import live_progress  # noqa: PLC0415
    from sweep.workflow.holdout import check_holdout, open_holdout  # noqa: PLC0415
    from sweep.workflow.report import print_holdout  # noqa: PLC0415

    check_holdout(database, study=study, top=top, acknowledge=acknowledge, trust=trust)
    with native_start():
        import sweep.workflow.prepare  # noqa: F401, PLC0415 - loads TensorFlow
    with live_progress() as progress:
        report = open_holdout(database, study=study, top=top, acknowledge=acknowledge, trust=trust, progress=progress)
    print_holdout(report)
