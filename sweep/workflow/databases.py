"""What commands ask of the database that they are given as a path or a URL."""

from __future__ import annotations

from pathlib import Path

from sweep.errors import UsageError
from sweep.store.address import parse_address

__all__ = ["check_kept", "page_beside"]


def check_kept(database: str | Path) -> None:
    """Refuse to put results where nobody finds them afterwards.

    Raises:
        UsageError: the database lives in this process's memory.
        StoreError: the URL is neither SQLite's nor PostgreSQL's.
    """
    if parse_address(database).memory is not None:
        raise UsageError(
            "--storage",
            received="a database in memory, which is gone when the command has ended",
            expected="a file, or a database on a server",
            remedy="write --db study.db, or --storage postgresql+psycopg://USER@HOST/DATABASE",
        )


def page_beside(database: str | Path) -> Path:
    """Where the page of a study goes unless the user says so: beside the file, or here where there is none.

    Raises:
        StoreError: the URL is neither SQLite's nor PostgreSQL's.
    """
    path = parse_address(database).path
    return Path("study.html") if path is None else path.with_suffix(".html")
