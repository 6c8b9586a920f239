"""Remedies that were run, each with what it has changed."""

from __future__ import annotations

import datetime
import math
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, Row, RowMapping, delete, insert, select

from sweep.records import Cause, Interval, ProofOutcome, ProofRecord
from sweep.store import schema
from sweep.store.serialise import scalars_from_json, scalars_json

__all__ = ["add_proof", "read_proofs"]

_BOUNDS = tuple(field.name for field in fields(Interval))
_AS_THEY_ARE = ("left_out", "repeats", "new_split", "p", "sentence")


def add_proof(connection: Connection, study: str, proof: ProofRecord) -> None:
    """Store a proof in place of one of the same remedy; the newest is the last one read."""
    columns, changes = schema.proofs.c, scalars_json(proof.changes)
    same = (columns.study == study, columns.number == proof.trial, columns.cause == proof.cause.value)
    connection.execute(delete(schema.proofs).where(*same, columns.changes == changes))
    connection.execute(
        insert(schema.proofs).values(
            study=study,
            number=proof.trial,
            cause=proof.cause.value,
            changes=changes,
            **{name: getattr(proof, name) for name in _AS_THEY_ARE},
            **{
                f"{name}_{bound}": _finite(getattr(getattr(proof, name), bound))
                for name in schema.CHANGES
                for bound in _BOUNDS
            },
            outcome=proof.outcome.value,
            measured=datetime.datetime.now(datetime.UTC),
        )
    )


def read_proofs(connection: Connection, study: str, trial: int) -> tuple[ProofRecord, ...]:
    """Every proof about a trial, in the order in which they were run."""
    columns = schema.proofs.c
    query = select(schema.proofs).where(columns.study == study, columns.number == trial).order_by(columns.id)
    return tuple(_proof(row) for row in connection.execute(query))


def _proof(row: Row[Any]) -> ProofRecord:
    columns = row._mapping
    intervals: dict[str, Any] = {name: _interval(columns, name) for name in schema.CHANGES}
    return ProofRecord(
        trial=row.number,
        cause=Cause(row.cause),
        changes=scalars_from_json(row.changes),
        **{name: columns[name] for name in _AS_THEY_ARE},
        **intervals,
        outcome=ProofOutcome(row.outcome),
    )


def _finite(value: float) -> float | None:
    """NULL for a bound that a single repetition leaves open: not every database stores infinities."""
    return value if math.isfinite(value) else None


def _interval(columns: RowMapping, name: str) -> Interval:
    low, high = columns[f"{name}_low"], columns[f"{name}_high"]
    return Interval(
        estimate=columns[f"{name}_estimate"],
        low=-math.inf if low is None else low,
        high=math.inf if high is None else high,
        level=columns[f"{name}_level"],
    )
