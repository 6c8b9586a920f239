"""`sweep run`: search a study's space."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from sweep.cli.options import DatabaseOption, StorageOption, location, seconds

__all__ = ["run"]


def run(
    study: Annotated[
        str, typer.Argument(help="A bundled study, a .toml study file, or a folder of images.", show_default=False)
    ],
    trials: Annotated[
        int | None, typer.Option(help="The study's total of trials, not one more batch.", show_default=False)
    ] = None,
    database: DatabaseOption = None,
    storage: StorageOption = None,
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
    timeout: Annotated[str | None, typer.Option(help="Start no further trial after 90s, 30m or 2h.")] = None,
    workers: Annotated[
        int,
        typer.Option(help="Processes that search side by side; with more than one a seed no longer fixes the order."),
    ] = 1,
    seed: Annotated[int | None, typer.Option(help="Seed of the search (not of the split).")] = None,
    trust: Annotated[
        bool, typer.Option("--trust", help="Run the code that a hypermodel names; a study file of your own implies it.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would run, and how long it would take.")
    ] = False,
) -> None:
    """Search a study's space; run it again and it goes on.

    Example: sweep run toys --trials 50
    """
    from sweep.cli.native import native_start  # noqa: PLC0415 - keeps `sweep --help` fast
    from sweep.cli.output import live_progress  # noqa: PLC0415
    from sweep.workflow.beside import check_workers, share_cores  # noqa: PLC0415
    from sweep.workflow.resolve import Overrides, resolve_study  # noqa: PLC0415
    from sweep.workflow.stages import TimedProgress  # noqa: PLC0415

    overrides = Overrides(sets=sets or (), spaces=space or (), only=only or (), trials=trials, seed=seed, name=name)
    where = location(database, storage)
    limit = None if timeout is None else seconds(timeout)
    check_workers(workers)
    share_cores(workers)
    with live_progress() as progress:
        resolved = resolve_study(study, overrides, progress)
    # Only now: a wrong study file must not wait for TensorFlow.
    start = time.perf_counter()
    with native_start():
        from sweep.workflow.dry_run import describe_run  # noqa: PLC0415
        from sweep.workflow.run import run_resolved  # noqa: PLC0415
    loading = time.perf_counter() - start
    with live_progress() as progress:
        timed = TimedProgress(progress)
        timed.add("imports", loading)
        if dry_run:
            lines = describe_run(resolved, trust=trust, progress=progress)
        else:
            outcome = run_resolved(resolved, where, timeout=limit, workers=workers, trust=trust, progress=timed)
            lines = outcome.lines
    for line in lines:
        typer.echo(line)
