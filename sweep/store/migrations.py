"""Versions of our tables: how they are made, and how old ones are brought up to date.

A change of `schema.py` needs a function that changes existing tables, appended to `STEPS`, and a golden file of the new
version in `tests/store/golden`. Steps are never changed once released.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, Engine, insert, inspect, select, update

from sweep.store.address import transaction
from sweep.store.schema import metadata, schema_version
from sweep.store.version2 import upgrade_to_version_2
from sweep.store.version3 import upgrade_to_version_3
from sweep.store.version4 import upgrade_to_version_4

__all__ = ["STEPS", "create_tables", "current_version", "stored_version", "upgrade_tables"]

STEPS: tuple[Callable[[Connection], None], ...] = (upgrade_to_version_2, upgrade_to_version_3, upgrade_to_version_4)
"""`STEPS[0]` leads from version 1 to 2, `STEPS[1]` from 2 to 3, and so on."""


def current_version() -> int:
    """The version that this program writes."""
    return 1 + len(STEPS)


def stored_version(connection: Connection) -> int | None:
    """The version of our tables in a database, or None where there are none."""
    if not inspect(connection).has_table(schema_version.name):
        return None
    return int(connection.execute(select(schema_version.c.version)).scalar_one())


def create_tables(engine: Engine) -> None:
    """Make our tables where there are none, in one transaction; whoever else starts at the same time waits for it."""
    with transaction(engine, write=True, alone=True) as connection:
        if stored_version(connection) is None:
            metadata.create_all(connection)
            connection.execute(insert(schema_version).values(version=current_version()))


def upgrade_tables(engine: Engine) -> None:
    """Take the steps that are missing: each and the record of it in one transaction."""
    for _ in STEPS:
        with transaction(engine, write=True, alone=True) as connection:
            version = stored_version(connection)
            if version is None or version >= current_version():
                return
            STEPS[version - 1](connection)
            connection.execute(update(schema_version).values(version=version + 1))
