"""What a trial leaves in our tables: a measurement, a reference to another trial, or why there is neither."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from sqlalchemy import Connection, Table, delete, insert

from sweep.records import FailureRecord, Measurement, Scalar
from sweep.store import schema
from sweep.store.serialise import failure_row, measurement_row, prediction_row, scalars_json

__all__ = ["add_duplicate", "add_failure", "add_measurement"]

Trial = Mapping[str, object]


def add_measurement(
    connection: Connection,
    trial: Trial,
    measurement: Measurement,
    *,
    baseline: bool,
    configuration: Mapping[str, Scalar],
) -> None:
    """Store a measurement with its epochs, modes and predictions.

    Args:
        connection: in a transaction.
        trial: the columns that name it.
        measurement: of it.
        baseline: whether it is the study's.
        configuration: flat.
    """
    row = {"baseline": baseline, "configuration": scalars_json(configuration), **measurement_row(measurement)}
    _replace(connection, {**trial, **row})
    parts: tuple[tuple[Table, list[dict[str, object]]], ...] = (
        (schema.epochs, [asdict(epoch) for epoch in measurement.epochs]),
        (schema.modes, [asdict(mode) for mode in measurement.modes]),
        (schema.predictions, [prediction_row(record) for record in measurement.predictions]),
    )
    for table, rows in parts:
        if rows:
            connection.execute(insert(table), [{**trial, **one} for one in rows])


def add_duplicate(connection: Connection, trial: Trial, configuration: Mapping[str, Scalar], of: int) -> None:
    """Store that a trial has taken over the result of trial `of`."""
    row = {"baseline": False, "duplicate_of": of, "configuration": scalars_json(configuration)}
    _replace(connection, {**trial, **row})


def add_failure(
    connection: Connection,
    trial: Trial,
    failure: FailureRecord,
    *,
    baseline: bool,
    configuration: Mapping[str, Scalar],
) -> None:
    """Store why a trial has no result."""
    _replace(connection, {**trial, "baseline": baseline, "configuration": scalars_json(configuration)})
    connection.execute(insert(schema.failures).values({**trial, **failure_row(failure)}))


def _replace(connection: Connection, row: Mapping[str, object]) -> None:
    columns = schema.trials.c
    connection.execute(delete(schema.trials).where(columns.study == row["study"], columns.number == row["number"]))
    connection.execute(insert(schema.trials).values(**row))
