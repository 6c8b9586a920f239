"""`sweep dashboard`: Optuna's dashboard with our verdict, tiers and figures in it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["dashboard"]


def dashboard(
    database: Annotated[
        str, typer.Argument(help="The study database, such as study.db, or its URL.", show_default=False)
    ],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where it listens; 0 for any free port.")] = 8080,
    host: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="For whom it listens: by default this machine alone. It has no login."),
    ] = "127.0.0.1",
    artifacts: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Keep curves and confusions of finalists there and show them.", show_default=False
        ),
    ] = None,
) -> None:
    """Look at a study in Optuna's dashboard, with our verdict, tiers and figures; Ctrl-C stops it.

    Example: sweep dashboard study.db
    """
    # As for a report: threads that wait for one another cost a search beside it more than they save.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

    from sweep.workflow.dashboard import open_dashboard  # noqa: PLC0415 - keeps `--help` fast

    with open_dashboard(database, host=host, port=port, artifacts=artifacts, say=_say) as server:
        typer.echo(f"dashboard: {server.url}")
        server.serve_forever()


def _say(line: str) -> None:
    typer.echo(line, err=True)
