"""Looking before opening: whatever is not ours is refused, and not touched."""

from __future__ import annotations

import difflib
import os
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, inspect
from sqlalchemy.exc import OperationalError

from sweep.errors import StoreError
from sweep.store.address import Access, Address, connect
from sweep.store.migrations import create_tables, current_version, stored_version, upgrade_tables
from sweep.store.schema import schema_version

__all__ = ["open_engine"]

_MAGIC = b"SQLite format 3\0"
_OPTUNA = frozenset({"studies", "trials", "version_info"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Contents:
    """What was found in a database: its tables, and the version of ours (None: we have none there)."""

    tables: frozenset[str] = frozenset()
    version: int | None = None


def open_engine(address: Address, *, create: bool, busy_seconds: float) -> Engine:
    """An engine on a database with our tables in the current version.

    Raises:
        StoreError: the database is missing, of another program, of a newer sweep, locked, read-only or damaged.
    """
    if address.path is not None:
        _check_file(address.path, address, create=create)
    contents = _look(address, busy_seconds)
    _check_contents(contents, address, create=create)
    engine = connect(address, Access.CREATE if create else Access.OPEN, busy_seconds)
    try:
        if create and engine.dialect.name == "sqlite":
            _use_write_ahead_log(engine, busy_seconds)
        if contents.version is None:
            create_tables(engine)
        elif contents.version < current_version():
            upgrade_tables(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _look(address: Address, busy_seconds: float) -> _Contents:
    if address.path is not None and not (address.path.exists() and address.path.stat().st_size):
        return _Contents()
    engine = connect(address, Access.LOOK, busy_seconds)
    try:
        with engine.connect() as connection:
            tables = frozenset(inspect(connection).get_table_names())
            ours = schema_version.name in tables
            return _Contents(tables=tables, version=stored_version(connection) if ours else None)
    finally:
        engine.dispose()


# ---- the file ------------------------------------------------------------------------------------------------------


def _check_file(path: Path, address: Address, *, create: bool) -> None:
    if path.is_dir():
        raise StoreError(
            address.place,
            received="a folder",
            expected="a database file",
            remedy=f"name a file, such as {path / 'study.db'}",
        )
    if not path.exists():
        _check_missing(path, address, create=create)
    elif not path.is_file():
        raise StoreError(
            address.place,
            received="neither a file nor a folder",
            expected="a database file",
            remedy="name another file",
        )
    else:
        _check_beginning(path, address, create=create)
    if create and not _writable(path):
        raise StoreError(
            address.place,
            received="a file or folder without write permission",
            expected="a database that can be written",
            remedy="change the permissions (chmod u+w) or name another file with --db",
        )


def _check_missing(path: Path, address: Address, *, create: bool) -> None:
    folder = path.absolute().parent
    if not folder.is_dir():
        raise StoreError(
            address.place,
            received=f"a folder that does not exist ({folder})",
            expected="a file in an existing folder",
            remedy=f"check the spelling, or mkdir -p {folder}",
        )
    if not create:
        near = _databases_near(path)
        raise StoreError(
            address.place,
            received="no such file",
            expected="a database made by sweep run",
            remedy=f"did you mean {' or '.join(near)}?" if near else f"make one first: sweep run toys {address.option}",
        )


def _databases_near(path: Path) -> list[str]:
    """Up to three databases in the same folder, the most alike first."""
    found = [other.name for other in path.absolute().parent.glob("*.db")]
    alike = difflib.get_close_matches(path.name, found, n=3, cutoff=0.0)
    return [str(path.parent / name) for name in alike]


def _check_beginning(path: Path, address: Address, *, create: bool) -> None:
    try:
        with path.open("rb") as file:
            beginning = file.read(len(_MAGIC))
    except OSError as error:
        raise StoreError(
            address.place,
            received=f"a file that cannot be read ({error.strerror})",
            expected="read permission",
            remedy="change the permissions (chmod u+r)",
        ) from error
    if beginning and beginning != _MAGIC:
        raise StoreError(
            address.place,
            received="a file that is no SQLite database",
            expected="a database made by sweep run",
            remedy="name another file; this one was not touched",
        )
    if not beginning and not create:
        raise StoreError(
            address.place,
            received="an empty file",
            expected="a database made by sweep run",
            remedy=f"fill it first: sweep run toys {address.option}",
        )


def _writable(path: Path) -> bool:
    folder_open = os.access(path.absolute().parent, os.W_OK)
    return folder_open and (not path.exists() or os.access(path, os.W_OK))


# ---- what is in it -------------------------------------------------------------------------------------------------


def _check_contents(contents: _Contents, address: Address, *, create: bool) -> None:
    if contents.version is not None:
        _check_version(contents.version, address)
    elif contents.tables >= _OPTUNA:
        if not create:
            raise StoreError(
                address.place,
                received="an Optuna database without sweep's measurements",
                expected="a database made by sweep run",
                remedy=f"open it with optuna-dashboard, or add a study to it: sweep run toys {address.option}",
            )
    elif contents.tables:
        raise StoreError(
            address.place,
            received=f"a database of another program (its tables: {', '.join(sorted(contents.tables)[:5])})",
            expected="a database made by sweep run, or a new one",
            remedy="name another one; this one was not touched",
        )
    elif not create:
        raise StoreError(
            address.place,
            received="a database without any table",
            expected="a database made by sweep run",
            remedy=f"fill it first: sweep run toys {address.option}",
        )


def _check_version(version: int, address: Address) -> None:
    if version > current_version():
        raise StoreError(
            address.place,
            received=f"a database of a newer sweep (schema {version})",
            expected=f"schema {current_version()} at most",
            remedy="update with: pip install --upgrade gapsweep; the file was not touched",
        )


def _use_write_ahead_log(engine: Engine, busy_seconds: float) -> None:
    """Switch to WAL, in which readers and one writer don't wait for each other; the file remembers it.

    SQLite does not wait for others while it switches, so the waiting is done here.
    """
    deadline = time.monotonic() + busy_seconds
    with engine.connect() as connection:
        while connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() in {"delete", "truncate", "persist"}:
            try:
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")
            except OperationalError as error:
                name = getattr(error.orig, "sqlite_errorname", "")
                if not name.startswith("SQLITE_BUSY") or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
