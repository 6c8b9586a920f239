"""`sweep explain`: what a cause of a gap means."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

__all__ = ["explain"]

PIPED_WIDTH = 80


class Format(StrEnum):
    """How the text is printed."""

    TEXT = "text"
    JSON = "json"


def explain(
    cause: Annotated[
        str | None,
        typer.Argument(help="Its slug, such as leak; all of them are listed without it.", show_default=False),
    ] = None,
    output: Annotated[Format, typer.Option("--format", help="Format on stdout.")] = Format.TEXT,
) -> None:
    """Tell what a cause of a gap means, how it is measured and what to do about it.

    Example: sweep explain leak
    """
    from sweep.workflow.explain import all_as_json, as_json, find_cause, list_causes, page  # noqa: PLC0415 - fast --help

    text = None if cause is None else find_cause(cause)
    if output is Format.JSON:
        typer.echo(all_as_json() if text is None else as_json(text), nl=False)
        return

    from rich.console import Console  # noqa: PLC0415 - keeps `sweep --help` fast
    from rich.text import Text  # noqa: PLC0415

    # Rich would take the width of the terminal that standard input comes from.
    width = None if sys.stdout.isatty() else PIPED_WIDTH
    console = Console(width=width, highlight=False, markup=False, emoji=False)
    for line in list_causes(console.width) if text is None else page(text, console.width):
        console.print(Text(line.text, style="bold" if line.heading else ""))
