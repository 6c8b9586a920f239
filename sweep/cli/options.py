"""Options that several commands share, spelled once."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer

from sweep.errors import UsageError

__all__ = ["DatabaseArgument", "Format", "FormatOption", "StudyNameOption", "print_outcome", "seconds"]

DatabaseArgument = Annotated[Path, typer.Argument(help="The study database, such as study.db.", show_default=False)]
StudyNameOption = Annotated[
    str | None, typer.Option("--study", help="Which study of the database; the newest unless named.")
]


class Format(StrEnum):
    """How a verdict is printed."""

    TABLE = "table"
    JSON = "json"


FormatOption = Annotated[Format, typer.Option("--format", help="Format on stdout.")]


class Outcome(Protocol):
    """What a command has found out, as text and as plain values."""

    @property
    def lines(self) -> Sequence[str]:
        """What the terminal shows."""
        ...

    @property
    def plain(self) -> dict[str, Any]:
        """The same as plain values."""
        ...


def print_outcome(outcome: Outcome, output: Format) -> None:
    """Print it as the user has asked for it."""
    if output is Format.JSON:
        typer.echo(json.dumps(outcome.plain, indent=2, ensure_ascii=False))
        return
    for line in outcome.lines:
        typer.echo(line)


_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(text: str) -> float:
    """Read a duration: `90`, `90s`, `30m` or `2h`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    if match is None or float(match[1]) == 0:
        raise UsageError("--timeout", received=repr(text), expected="a duration above 0", remedy="write 90s, 30m or 2h")
    return float(match[1]) * _UNITS[match[2]]
