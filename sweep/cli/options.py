"""Options that several commands share, spelled once."""

from __future__ import annotations

import json
import re
import shutil
import sys
import textwrap
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer

from sweep.errors import UsageError

__all__ = [
    "DatabaseArgument",
    "DatabaseOption",
    "Format",
    "FormatOption",
    "ServiceOption",
    "StorageOption",
    "StudyNameOption",
    "location",
    "print_outcome",
    "seconds",
]

DatabaseArgument = Annotated[
    str, typer.Argument(help="The study database, such as study.db, or its URL.", show_default=False)
]
DatabaseOption = Annotated[
    Path | None,
    typer.Option("--db", help="The SQLite file in which the results land.", show_default="study.db"),
]
StorageOption = Annotated[
    str | None,
    typer.Option(
        "--storage",
        metavar="URL",
        help="A database on a server instead: postgresql+psycopg://USER@HOST/DATABASE, the password in PGPASSWORD.",
    ),
]
StudyNameOption = Annotated[
    str | None, typer.Option("--study", help="Which study of the database; the newest unless named.")
]

ServiceOption = Annotated[
    str,
    typer.Option(
        "--storage",
        metavar="URL",
        help="The shared database: postgresql+psycopg://USER@HOST/DATABASE, the password in PGPASSWORD.",
        show_default=False,
    ),
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
    # What is piped keeps a sentence a line, for programs that look for words in it.
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in outcome.lines:
        typer.echo(line if columns is None else _folded(line, columns))


def _folded(line: str, columns: int) -> str:
    """A line in as many as it needs, those that follow further to the right; names of files stay whole."""
    if len(line) <= columns:
        return line
    indent = " " * (len(line) - len(line.lstrip()) + 3)
    return textwrap.fill(line, columns, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def location(database: Path | None, storage: str | None) -> Path | str:
    """The database that `--db` or `--storage` names; study.db where neither is given.

    Raises:
        UsageError: both are given.
    """
    if database is not None and storage is not None:
        raise UsageError(
            "--storage",
            received=f"it together with --db {database}",
            expected="one database",
            remedy="leave one of them out",
        )
    return storage or database or Path("study.db")


_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(text: str) -> float:
    """Read a duration: `90`, `90s`, `30m` or `2h`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    if match is None or float(match[1]) == 0:
        raise UsageError("--timeout", received=repr(text), expected="a duration above 0", remedy="write 90s, 30m or 2h")
    return float(match[1]) * _UNITS[match[2]]
