"""Where a database is, and how it is connected to: the same way for Optuna's tables and ours."""

from __future__ import annotations

import os
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy
from sqlalchemy import Connection, Engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import QueuePool

from sweep.errors import StoreError

__all__ = ["BUSY_SECONDS", "Access", "Address", "connect", "engine_settings", "parse_address", "transaction"]

BUSY_SECONDS = 60.0
"""How long a statement waits for a lock that another process holds on a SQLite file."""

_LOCK_KEY = int.from_bytes(b"sweep")


class Access(Enum):
    """What may happen to a SQLite file by being opened."""

    LOOK = "look"  # nothing at all, not even a file beside it
    OPEN = "open"  # read and, where permissions allow, write; never made
    CREATE = "create"  # made where it is missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a database is.

    Attributes:
        url: SQLAlchemy's, with the password if there is one.
        place: for people: the path, or the URL without its password.
        path: the SQLite file, or None for a server and for memory.
        memory: the name of a database in this process's memory, or None.
    """

    url: str
    place: str
    path: Path | None = None
    memory: str | None = None

    @property
    def option(self) -> str:
        """The option of `sweep run` that names this database."""
        return f"--db {self.place}" if self.path is not None else f"--storage {self.place}"

    @property
    def location(self) -> Path | str:
        """What a process in another folder opens the same database with; the URL has its password."""
        return self.url if self.path is None else self.path.absolute()


def parse_address(location: str | Path) -> Address:
    """The address of a path or a SQLAlchemy URL; `sqlite://` is a new database in memory.

    Raises:
        StoreError: it is a URL, but neither SQLite's nor PostgreSQL's.
    """
    if isinstance(location, Path) or "://" not in location:
        return _file_address(Path(location))
    try:
        url = sqlalchemy.make_url(location)
        backend = url.get_backend_name()
    except (ArgumentError, ValueError) as error:
        raise _no_such_database(location.split("://", maxsplit=1)[0] + "://…") from error
    if backend == "postgresql":
        return Address(url=url.render_as_string(hide_password=False), place=_without_secrets(url))
    if backend != "sqlite":
        raise _no_such_database(_without_secrets(url))
    if url.query.get("mode") == "memory" or url.database in {None, "", ":memory:"}:
        return _memory_address((url.database or "").removeprefix("file:"))
    return _file_address(Path(str(url.database)))


def engine_settings(address: Address, access: Access, busy_seconds: float) -> dict[str, Any]:
    """Keyword arguments of `sqlalchemy.create_engine`; they can be pickled, as Optuna wants."""
    if address.memory is not None:
        uri = f"file:{address.memory}?mode=memory&cache=shared"
    elif address.path is not None:
        uri = f"file:{quote(str(address.path.absolute()))}?{_sqlite_mode(address.path, access)}"
    else:
        return {"pool_pre_ping": True, "pool_events": [(_use_utc, "connect")]}
    return {"creator": partial(_connect_sqlite, uri, busy_seconds), "poolclass": QueuePool}


def connect(address: Address, access: Access, busy_seconds: float) -> Engine:
    """An engine for our own tables.

    Raises:
        StoreError: the driver of the URL's database is not installed.
    """
    try:
        return sqlalchemy.create_engine(address.url, **engine_settings(address, access, busy_seconds))
    except ImportError as error:
        raise StoreError(
            address.place,
            received=f"a database whose driver is not installed ({error})",
            expected="psycopg",
            remedy="pip install 'gapsweep[postgres]'",
        ) from error


@contextmanager
def transaction(engine: Engine, *, write: bool, alone: bool = False) -> Iterator[Connection]:
    """All of it or nothing; what is read inside belongs to one moment.

    Left to itself, Python's sqlite3 would begin with the first INSERT: reads would belong to several moments, and a
    CREATE TABLE would not be undone.

    Args:
        engine: of our tables.
        write: whether anything is to be written.
        alone: wait until no other transaction of this kind runs, for what PostgreSQL does not order by itself: the
            making of tables and studies. On SQLite all writers wait for each other anyway.
    """
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
        elif alone:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK_KEY})")
        elif not write:
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield connection


def _file_address(path: Path) -> Address:
    url = sqlalchemy.URL.create("sqlite", database=str(path.absolute()))
    return Address(url=url.render_as_string(), place=str(path), path=path)


def _memory_address(name: str) -> Address:
    # A name and a shared cache let Optuna's connections see what ours see.
    name = name if name not in {"", ":memory:"} else f"sweep-{uuid.uuid4().hex}"
    return Address(url=f"sqlite:///file:{name}?cache=shared&mode=memory&uri=true", place="memory", memory=name)


def _without_secrets(url: sqlalchemy.URL) -> str:
    """The URL for showing: libpq takes passwords among the options, too, which SQLAlchemy would show."""
    hidden = {name: "***" for name in url.query if "password" in name.lower()}
    return url.update_query_dict(hidden).render_as_string()


def _use_utc(connection: DBAPIConnection, _: object) -> None:
    """Heartbeats are compared across machines, each of which may have a time zone of its own (PGTZ)."""
    cursor = connection.cursor()
    cursor.execute("SET TIME ZONE 'UTC'")
    cursor.close()
    connection.commit()


def _no_such_database(place: str) -> StoreError:
    return StoreError(
        place,
        received="a URL of a database that sweep does not know",
        expected="a path, sqlite:///study.db or postgresql+psycopg://USER@HOST/DATABASE",
        remedy="check the spelling of --storage",
    )


def _sqlite_mode(path: Path, access: Access) -> str:
    if access is Access.CREATE:
        return "mode=rwc"
    if access is Access.OPEN and os.access(path, os.W_OK) and os.access(path.absolute().parent, os.W_OK):
        return "mode=rw"
    # A reader of a WAL database leaves two files beside it, unless it is told that nobody writes.
    in_use = any(Path(f"{path}{ending}").exists() for ending in ("-wal", "-journal"))
    return "mode=ro" if in_use else "mode=ro&immutable=1"


def _connect_sqlite(uri: str, busy_seconds: float) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, timeout=busy_seconds, check_same_thread=False)
    connection.execute("PRAGMA foreign_keys = ON")
    # With a write-ahead log this survives a killed process; only a power cut can take the last commits with it.
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection
