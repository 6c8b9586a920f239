"""The epochs of a study's trials, by far the most rows of a database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import Connection, select

from sweep.records import EpochRecord
from sweep.store import schema
from sweep.store.serialise import EPOCH_FIELDS, epoch_from_row

__all__ = ["read_epochs"]

_ROWS_AT_ONCE = 2000


def read_epochs(
    connection: Connection, study: str, numbers: Collection[int] | None = None
) -> dict[int, tuple[EpochRecord, ...]]:
    """The epochs of some trials, by their numbers, or of all; trials without any are left out."""
    columns = schema.epochs.c
    query = select(columns.number, *(columns[name] for name in EPOCH_FIELDS)).where(columns.study == study)
    if numbers is not None:
        query = query.where(columns.number.in_(numbers))
    epochs: dict[int, list[EpochRecord]] = defaultdict(list)
    for row in connection.execute(query.order_by(columns.number, columns.epoch)).yield_per(_ROWS_AT_ONCE):
        epochs[row[0]].append(epoch_from_row(row[1:]))
    return {number: tuple(records) for number, records in epochs.items()}
