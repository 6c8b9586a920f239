"""The one seam where errors of SQLite, SQLAlchemy and Optuna's storages become ours."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from sweep.errors import StoreError

__all__ = ["readable", "translated"]

Words = tuple[str, str, str]  # received, expected, remedy

_LOCKED: Words = (
    "a database that another program keeps locked",
    "a lock that is given back within a minute",
    "close what holds it (another sweep, a database browser, a backup) and run again",
)
_FULL: Words = (
    "a disk that is full",
    "room for the study's measurements",
    "free some space and run again: what was stored before is kept",
)
_DENIED: Words = (
    "a user who may not do that in the database",
    "a user who may make, read and write tables there",
    "name a database that the user owns, or have its owner say: GRANT USAGE, CREATE ON SCHEMA public TO the user",
)
_NO_STUDY: Words = (
    "a record for a study or trial that the database does not have",
    "a study that was added before",
    "check whether another program removed the study meanwhile, then start it anew",
)

# By the beginning of SQLite's error name (SQLITE_READONLY covers SQLITE_READONLY_DIRECTORY) or PostgreSQL's SQLSTATE.
_WORDS: dict[str, Words] = {
    "SQLITE_BUSY": _LOCKED,
    "SQLITE_LOCKED": _LOCKED,
    "SQLITE_FULL": _FULL,
    "53100": _FULL,
    "SQLITE_CONSTRAINT_FOREIGNKEY": _NO_STUDY,
    "23503": _NO_STUDY,
    "42501": _DENIED,
    "25006": (
        "a server that takes no changes, such as a standby",
        "the server that does",
        "name that one with --storage",
    ),
    "SQLITE_READONLY": (
        "a database that cannot be written",
        "write permission on the file and its folder",
        "change the permissions (chmod u+w) or name another file with --db",
    ),
    "SQLITE_CANTOPEN": (
        "a file that cannot be opened",
        "a database file in a folder that can be written",
        "check the path and its permissions, or name another file with --db",
    ),
    "SQLITE_IOERR": (
        "a disk that does not read or write as asked",
        "a database file on a sound local disk",
        "check the disk and its free space, or copy the database to another one",
    ),
    "SQLITE_CORRUPT": (
        "a damaged database",
        "a database as sweep left it",
        "restore a copy, or save what is left with: sqlite3 FILE .recover",
    ),
    "SQLITE_NOTADB": (
        "a file that is no SQLite database",
        "a database made by sweep run",
        "name another file",
    ),
}


@contextmanager
def translated(place: str) -> Iterator[None]:
    """Turn every error of the database inside into a `StoreError` about `place`, chained to its cause."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, StorageInternalError) as error:
        raise _store_error(place, _root(error)) from error
    except UnicodeEncodeError as error:
        raise StoreError(
            place,
            received=f"a name that is not valid Unicode ({error.object!r})",
            expected="names that can be written as UTF-8",
            remedy="rename the file",
        ) from error


@contextmanager
def readable(place: str) -> Iterator[None]:
    """Turn what damaged rows raise while they are decoded into a `StoreError` about `place`."""
    try:
        yield
    except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, zlib.error) as error:
        raise StoreError(
            place,
            received=f"a row that cannot be read ({type(error).__name__}: {error})",
            expected="rows as sweep wrote them",
            remedy="restore a copy of the database, or run the study again under another --name",
        ) from error


def _root(error: BaseException) -> BaseException:
    """The driver's own error below SQLAlchemy's and Optuna's wrappings."""
    if isinstance(error, StorageInternalError) and error.__cause__ is not None:
        return _root(error.__cause__)
    if isinstance(error, DBAPIError) and error.orig is not None:
        return error.orig
    return error


def _store_error(place: str, error: BaseException) -> StoreError:
    code = getattr(error, "sqlite_errorname", None) or getattr(error, "sqlstate", None) or ""
    for beginning, (received, expected, remedy) in _WORDS.items():
        if code.startswith(beginning):
            return StoreError(place, received=received, expected=expected, remedy=remedy)
    first_line = next(iter(str(error).splitlines()), "")
    return StoreError(
        place,
        received=f"{type(error).__name__}: {first_line}",
        expected="a database that answers",
        remedy="check that it is there, running and made by sweep",
    )
