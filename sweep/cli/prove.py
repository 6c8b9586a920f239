"""`sweep prove`: the remedies of the verdict, run."""

from __future__ import annotations

from typing import Annotated

import typer

from sweep.cli.options import DatabaseArgument, Format, FormatOption, StudyNameOption, print_outcome

__all__ = ["prove"]


def prove(
    database: DatabaseArgument,
    study: StudyNameOption = None,
    trial: Annotated[int | None, typer.Option(min=0, help="A trial's number; your configuration unless named.")] = None,
    seeds: Annotated[int, typer.Option(help="Trainings on either side, each with a split of its own.")] = 5,
    trust: Annotated[bool, typer.Option("--trust", help="Run the hypermodel's code that the database names.")] = False,
    output: FormatOption = Format.TABLE,
) -> None:
    """Train your configuration against each remedy: proven, refuted or not shown.

    Example: sweep prove study.db
    """
    from sweep.cli.native import native_start  # noqa: PLC0415 - keeps `sweep --help` fast
    from sweep.cli.output import live_progress  # noqa: PLC0415
    from sweep.workflow.prove import check_prove  # noqa: PLC0415
    from sweep.workflow.prove import prove as run  # noqa: PLC0415

    check_prove(database, study=study, trial=trial, seeds=seeds, trust=trust)
    with native_start():
        import sweep.workflow.proof_bench  # noqa: F401, PLC0415 - loads TensorFlow
    with live_progress() as progress:
        found = run(database, study=study, trial=trial, seeds=seeds, trust=trust, progress=progress)
    print_outcome(found, output)
