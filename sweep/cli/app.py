"""The `sweep` command: one file per sub-command, one handler for every error."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from sweep.cli import (
    audit,
    cache,
    check,
    compare,
    copy,
    dashboard,
    diagnose,
    explain,
    export,
    holdout,
    init,
    predict,
    prove,
    report,
    run,
    studies,
    submit,
    worker,
)
from sweep.errors import SweepError

__all__ = ["app", "main"]

_INTERRUPTED = 130

app = typer.Typer(
    name="sweep",
    help="Why does my image classifier score 99 % on training and 75 % on validation, and what do I change?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run.run)
app.command("submit")(submit.submit)
app.command("worker")(worker.worker)
app.command("check")(check.check)
app.command("report")(report.report)
app.command("diagnose")(diagnose.diagnose)
app.command("compare")(compare.compare)
app.command("copy")(copy.copy)
app.command("dashboard")(dashboard.dashboard)
app.command("export")(export.export)
app.command("predict")(predict.predict)
app.command("audit")(audit.audit)
app.command("holdout")(holdout.holdout)
app.command("prove")(prove.prove)
app.command("explain")(explain.explain)
app.command("studies")(studies.studies)
app.command("init")(init.init)
app.add_typer(cache.app, name="cache")


def _version(requested: bool) -> None:
    if requested:
        from importlib.metadata import version  # noqa: PLC0415 - half of the start-up time of --help

        typer.echo(f"gapsweep {version('gapsweep')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Why does my image classifier score 99 % on training and 75 % on validation, and what do I change?"""


def main() -> None:
    """Run the command line: our errors become one line and their exit code, never a traceback."""
    try:
        app()
    except SweepError as error:
        sys.stderr.write(f"sweep: {error}\n")
        raise SystemExit(error.exit_code) from error
    except SystemExit as stop:
        # Typer turns Ctrl-C into this exit code, and says nothing.
        if stop.code == _INTERRUPTED:
            sys.stderr.write("sweep: interrupted; the same command goes on where it stopped\n")
        raise
    except BrokenPipeError:
        # The reader (head, less) left: Python would complain when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(141) from None
