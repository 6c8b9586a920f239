"""`sweep studies`: what can be run without any data of one's own."""

from __future__ import annotations

import typer

__all__ = ["studies"]


def studies() -> None:
    """List the bundled studies.

    Example: sweep studies
    """
    from sweep.workflow.studies import list_studies  # noqa: PLC0415 - keeps `sweep --help` fast

    for study in list_studies():
        typer.echo(f"{study.name:18} {study.question}")
