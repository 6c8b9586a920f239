"""Work that one of several processes is to do, and another one if that one dies."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, func, select
from sqlalchemy.exc import DBAPIError

from sweep.store.address import BUSY_SECONDS, Access, connect, parse_address
from sweep.store.faults import translated

__all__ = ["claimed"]


@contextmanager
def claimed(location: str | Path, work: str) -> Iterator[bool]:
    """Whether the work is this process's, until the context ends.

    A server gives a claim back by itself when the process that has it is gone. SQLite knows no claims: there the work
    is everybody's, and what two do is stored once.

    Args:
        location: of the database, a path or a URL.
        work: its name.

    Raises:
        StoreError: the database does not answer.
    """
    address = parse_address(location)
    if address.path is not None or address.memory is not None:
        yield True
        return
    engine = connect(address, Access.OPEN, BUSY_SECONDS)
    key = int.from_bytes(hashlib.sha256(work.encode()).digest()[:8], signed=True)
    try:
        with translated(address.place):
            connection = engine.connect()
        with connection:
            with translated(address.place):
                ours = _said(connection, func.pg_try_advisory_lock(key))
            try:
                yield ours
            finally:
                if ours:
                    with suppress(DBAPIError):  # a server that is gone has forgotten it
                        _said(connection, func.pg_advisory_unlock(key))
    finally:
        engine.dispose()


def _said(connection: Connection, question: ColumnElement[bool]) -> bool:
    """What the server says; no transaction is left open meanwhile."""
    answer = bool(connection.execute(select(question)).scalar_one())
    connection.commit()
    return answer
