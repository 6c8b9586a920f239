"""What is trained after a search: repetitions of finalists, and openings of the sealed test side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from sweep.errors import StoreError
from sweep.records import HoldoutRecord, HoldoutResult, Moment, PredictionRecord, RepeatRecord, Side
from sweep.store import schema
from sweep.store.serialise import pack, pack_float16, unpack, unpack_float16

__all__ = ["add_holdout", "add_repeat", "opened_images", "read_holdouts", "read_repeats"]

_REPEAT_FIELDS = tuple(field.name for field in fields(RepeatRecord) if field.name != "validation")
_RESULT_FIELDS = tuple(field.name for field in fields(HoldoutResult) if field.name not in {"prediction", "share_right"})
_DIGEST_BYTES = 32  # of SHA-256


def add_repeat(connection: Connection, study: str, record: RepeatRecord) -> None:
    """Store a repetition unless it is there."""
    columns = schema.repeats.c
    same = (columns.study == study, columns.number == record.number, columns.repeat == record.repeat)
    if connection.execute(select(columns.number).where(*same)).first() is None:
        values = {name: getattr(record, name) for name in _REPEAT_FIELDS}
        connection.execute(insert(schema.repeats).values(study=study, **values, **_blobs(record.validation)))


def read_repeats(connection: Connection, study: str, *, with_predictions: bool) -> tuple[RepeatRecord, ...]:
    """Every repetition of a study, by trial and repetition."""
    columns = schema.repeats.c
    wanted = [columns[name] for name in _REPEAT_FIELDS]
    if with_predictions:
        wanted += [columns.images, columns.predicted, columns.cross_entropies, columns.logits]
    query = select(*wanted).where(columns.study == study).order_by(columns.number, columns.repeat)
    return tuple(
        RepeatRecord(
            **_values(row, _REPEAT_FIELDS),
            validation=_prediction(row, Side.VALIDATION) if with_predictions and row.images is not None else None,
        )
        for row in connection.execute(query)
    )


def opened_images(connection: Connection) -> frozenset[str]:
    """Content hashes, hexadecimal, of the test images that any opening has shown."""
    rows = connection.execute(select(schema.holdouts.c.content_hashes)).scalars()
    return frozenset(one for blob in rows for one in _hashes(blob))


def add_holdout(connection: Connection, record: HoldoutRecord, place: str, *, acknowledged: bool) -> None:
    """Store an opening, with the number of its images that were opened before.

    Raises:
        StoreError: some of the images were opened before, and that is not acknowledged.
    """
    before = opened_images(connection)
    again = sum(one in before for one in record.content_hashes)
    if again and not acknowledged:
        raise StoreError(
            place,
            received=f"{again} test images that were opened before",
            expected="images that no decision has seen",
            remedy="look at the earlier result in the report, or add --acknowledge: it stays on record",
        )
    opening = {
        "study": record.study,
        "opened": record.opened,
        "seen_before": again,
        "content_hashes": bytes.fromhex("".join(record.content_hashes)),
    }
    key = connection.execute(insert(schema.holdouts).values(opening)).inserted_primary_key
    assert key is not None
    rows = [
        {
            "holdout": key[0],
            **{name: getattr(result, name) for name in _RESULT_FIELDS},
            **_blobs(result.prediction),
            "share_right": pack_float16(result.share_right),
        }
        for result in record.results
    ]
    connection.execute(insert(schema.holdout_results), rows)


def read_holdouts(connection: Connection, study: str) -> tuple[HoldoutRecord, ...]:
    """Every opening of a study's test side, the first one first."""
    columns = schema.holdouts.c
    openings = connection.execute(select(schema.holdouts).where(columns.study == study).order_by(columns.id)).all()
    return tuple(
        HoldoutRecord(
            study=row.study,
            opened=row.opened,
            seen_before=row.seen_before,
            content_hashes=_hashes(row.content_hashes),
            results=_results(connection, row.id),
        )
        for row in openings
    )


def _results(connection: Connection, holdout: int) -> tuple[HoldoutResult, ...]:
    columns = schema.holdout_results.c
    rows = connection.execute(
        select(schema.holdout_results).where(columns.holdout == holdout).order_by(columns.rank, columns.number)
    )
    return tuple(
        HoldoutResult(
            **_values(row, _RESULT_FIELDS),
            prediction=_prediction(row, Side.TEST),
            share_right=unpack_float16(row.share_right, row.images),
        )
        for row in rows
    )


def _hashes(blob: bytes) -> tuple[str, ...]:
    return tuple(blob[start : start + _DIGEST_BYTES].hex() for start in range(0, len(blob), _DIGEST_BYTES))


def _values(row: Row[Any], names: Sequence[str]) -> dict[str, Any]:
    """Columns as fields; NULL stands for NaN."""
    columns = row._mapping
    return {name: math.nan if columns[name] is None else columns[name] for name in names}


def _blobs(record: PredictionRecord | None) -> dict[str, object]:
    if record is None:
        return {}
    predicted, cross_entropies, logits = pack(record)
    return {
        "images": len(record.predicted),
        "predicted": predicted,
        "cross_entropies": cross_entropies,
        "logits": logits,
    }


def _prediction(row: Row[Any], side: Side) -> PredictionRecord:
    return unpack(side, Moment.SELECTED, row.images, (row.predicted, row.cross_entropies, row.logits))
