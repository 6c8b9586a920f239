"""`sweep submit`: a study put into a shared database, for workers to serve."""

from __future__ import annotations

from typing import Annotated

import typer

from sweep.cli.options import ServiceOption

__all__ = ["submit"]


def submit(
    study: Annotated[
        str, typer.Argument(help="A bundled study, a .toml study file, or a folder of images.", show_default=False)
    ],
    storage: ServiceOption,
    trials: Annotated[
        int | None, typer.Option(help="The study's total of trials, not one more batch.", show_default=False)
    ] = None,
    name: Annotated[str | None, typer.Option(help="Another name for the study in the database.")] = None,
    space: Annotated[
        list[str] | None, typer.Option(metavar="FIELD=RANGE", help="Sweep a field: dropout=0.0:0.9.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD=RANGE", help="Sweep this field alone and leave the study's own space out."),
    ] = None,
    sets: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Change a field: training.epochs=5.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the search (not of the split).")] = None,
    trust: Annotated[
        bool,
        typer.Option("--trust", help="Load the code that a hypermodel names; a study file of your own implies it."),
    ] = False,
) -> None:
    """Record a study, where its images lie and what is in them, for workers to run; train nothing.

    Example: sweep submit toys --storage postgresql+psycopg://anna@server/studies
    """
    from sweep.cli.native import native_start  # noqa: PLC0415 - keeps `sweep --help` fast
    from sweep.cli.output import live_progress  # noqa: PLC0415
    from sweep.workflow.resolve import Overrides, resolve_study  # noqa: PLC0415

    overrides = Overrides(sets=sets or (), spaces=space or (), only=only or (), trials=trials, seed=seed, name=name)
    with live_progress() as progress:
        resolved = resolve_study(study, overrides, progress)
    # Only now: a wrong study file must not wait for TensorFlow.
    with native_start():
        from sweep.workflow.submit import submit_study  # noqa: PLC0415
    with live_progress() as progress:
        lines = submit_study(resolved, storage, trust=trust, progress=progress)
    for line in lines:
        typer.echo(line)
