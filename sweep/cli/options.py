"""Options that several commands share, spelled once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from sweep.errors import UsageError

__all__ = ["DatabaseArgument", "StudyNameOption", "seconds"]

DatabaseArgument = Annotated[Path, typer.Argument(help="The study database, such as study.db.", show_default=False)]
StudyNameOption = Annotated[
    str | None, typer.Option("--study", help="Which study of the database; the newest unless named.")
]

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(text: str) -> float:
    """Read a duration: `90`, `90s`, `30m` or `2h`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    if match is None or float(match[1]) == 0:
        raise UsageError("--timeout", received=repr(text), expected="a duration above 0", remedy="write 90s, 30m or 2h")
    return float(match[1]) * _UNITS[match[2]]
