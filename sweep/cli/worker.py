"""`sweep worker`: serves the studies of a shared database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sweep.cli.options import ServiceOption

__all__ = ["worker"]


def worker(
    storage: ServiceOption,
    study: Annotated[
        str | None,
        typer.Argument(
            help="The only study to serve; every one that has trials left unless named.", show_default=False
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Where the study's images lie on this machine, if elsewhere.", show_default=False),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="End where nothing is left to do.")] = False,
    trust: Annotated[bool, typer.Option("--trust", help="Run the hypermodel's code that the database names.")] = False,
) -> None:
    """Run trials of studies that were submitted, the oldest first, until SIGTERM or Ctrl-C.

    Example: sweep worker --storage postgresql+psycopg://anna@server/studies
    """
    from sweep.cli.native import native_start  # noqa: PLC0415 - keeps `sweep --help` fast
    from sweep.cli.output import live_progress  # noqa: PLC0415

    with native_start():
        from sweep.workflow.worker import Order, serve_studies  # noqa: PLC0415
    order = Order(study=study, data=data, once=once, trust=trust)
    with live_progress() as progress:
        serve_studies(storage, order, progress=progress, say=typer.echo)
