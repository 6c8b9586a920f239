"""Records to rows and back: JSON without NaN, predictions as small blobs, numpy's numbers as Python's."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row

from sweep.records import (
    DataSummary,
    EpochRecord,
    FailureRecord,
    ImageRecord,
    Measurement,
    ModeRecord,
    Moment,
    PredictionRecord,
    Scalar,
    Side,
    Split,
    StageRecord,
    StudyRecord,
    UnreadableFile,
)

__all__ = [
    "EPOCH_FIELDS",
    "MEASUREMENT_FIELDS",
    "MODE_FIELDS",
    "epoch_from_row",
    "failure_row",
    "image_from_row",
    "image_row",
    "measurement_from_row",
    "measurement_row",
    "mode_from_row",
    "pack",
    "pack_float16",
    "prediction_from_row",
    "prediction_row",
    "scalars_from_json",
    "scalars_json",
    "study_from_row",
    "study_row",
    "unpack",
    "unpack_float16",
]

_ELSEWHERE = {"epochs", "predictions", "modes"}
MEASUREMENT_FIELDS = tuple(field.name for field in fields(Measurement) if field.name not in _ELSEWHERE)
MODE_FIELDS = tuple(field.name for field in fields(ModeRecord))
EPOCH_FIELDS = tuple(field.name for field in fields(EpochRecord))

Values = dict[str, Any]

_MOST_CLASSES = 2**16


# ---- studies and images --------------------------------------------------------------------------------------------


def study_row(record: StudyRecord) -> Values:
    """The row of `sweep_studies`."""
    return {
        "name": record.name,
        "definition": record.definition,
        "digest": record.digest,
        "data": _json(asdict(record.data)),
        "versions": _json(dict(record.versions)),
        "created": record.created,
        "default_baseline": record.default_baseline,
        "base": record.base,
    }


def study_from_row(row: Row[Any], stages: Sequence[StageRecord]) -> StudyRecord:
    """The study with the stages that its runs have left."""
    data = json.loads(row.data)
    summary = DataSummary(
        source=data["source"],
        fingerprint=data["fingerprint"],
        class_names=tuple(data["class_names"]),
        counts={side: tuple(counts) for side, counts in data["counts"].items()},
        groups=data["groups"],
        fold_repeats=data.get("fold_repeats", 0),  # not in version 1
        unreadable=tuple(UnreadableFile(**file) for file in data["unreadable"]),
        notes=tuple(data["notes"]),
    )
    return StudyRecord(
        name=row.name,
        definition=row.definition,
        digest=row.digest,
        data=summary,
        versions=json.loads(row.versions),
        created=row.created,
        default_baseline=row.default_baseline,
        base=row.base or "",
        stages=_added_up(stages),
    )


def _added_up(stages: Sequence[StageRecord]) -> tuple[StageRecord, ...]:
    """One record a stage name, in the order of first appearance."""
    sums: dict[str, StageRecord] = {}
    for stage in stages:
        before = sums.setdefault(stage.name, replace(stage, seconds=0.0, units=0))
        sums[stage.name] = replace(before, seconds=before.seconds + stage.seconds, units=before.units + stage.units)
    return tuple(sums.values())


def image_row(image: ImageRecord, split: Split | None) -> Values:
    """The row of `sweep_images`, but for the study and the position."""
    return {
        "path": image.path,
        "label": image.label,
        "split": split and split.value,
        "group": image.group,
        "content_hash": image.content_hash,
        "pinned": image.pinned and image.pinned.value,
    }


def image_from_row(row: Row[Any]) -> tuple[ImageRecord, Split | None]:
    """The image and the side on which the study has it."""
    image = ImageRecord(
        path=row.path,
        label=row.label,
        group=row.group,
        content_hash=row.content_hash,
        pinned=row.pinned and Split(row.pinned),
    )
    return image, row.split and Split(row.split)


# ---- trials --------------------------------------------------------------------------------------------------------


def scalars_json(values: Mapping[str, Scalar]) -> str:
    """A configuration as JSON; raises `ValueError` on NaN and infinity, which JSON does not know."""
    return _json({name: _python(value) for name, value in values.items()})


def scalars_from_json(text: str) -> dict[str, Scalar]:
    """The configuration again."""
    values = json.loads(text)
    if not isinstance(values, dict):
        raise TypeError(f"a configuration is an object, not {text[:40]!r}")
    return values


def measurement_row(measurement: Measurement) -> Values:
    """The measurement's columns of `sweep_trials`."""
    return {name: getattr(measurement, name) for name in MEASUREMENT_FIELDS}


def measurement_from_row(
    row: Row[Any],
    epochs: Sequence[EpochRecord],
    predictions: Sequence[PredictionRecord],
    modes: Sequence[ModeRecord],
) -> Measurement | None:
    """The measurement in a row of `sweep_trials`, or None where the trial has none."""
    if row.selected_epoch is None:
        return None
    columns = row._mapping
    values: Values = {name: _number(columns[name]) for name in MEASUREMENT_FIELDS}
    return Measurement(**values, epochs=tuple(epochs), predictions=tuple(predictions), modes=tuple(modes))


def epoch_from_row(row: Sequence[Any]) -> EpochRecord:
    """An epoch from the columns `EPOCH_FIELDS`, in that order."""
    values = map(_number, row) if None in row else row
    return EpochRecord(**dict(zip(EPOCH_FIELDS, values, strict=False)))


def mode_from_row(row: Sequence[Any]) -> ModeRecord:
    """A mode from the columns `MODE_FIELDS`, in that order."""
    values: Values = dict(zip(MODE_FIELDS, map(_number, row), strict=True))
    return ModeRecord(**values)


def failure_row(failure: FailureRecord) -> Values:
    """The row of `sweep_failures`: a reason is anybody's text, so what no database takes is written out."""
    return {"kind": _printable(failure.kind), "reason": _printable(failure.reason), "epoch": failure.epoch}


def prediction_row(record: PredictionRecord) -> Values:
    """The row of `sweep_predictions`."""
    predicted, cross_entropy, logits = pack(record)
    return {
        "split": record.side.value,
        "moment": record.moment.value,
        "images": len(record.predicted),
        "predicted": predicted,
        "cross_entropy": cross_entropy,
        "logits": logits,
    }


def prediction_from_row(row: Row[Any]) -> PredictionRecord:
    """The predictions again, bit by bit."""
    return unpack(Side(row.split), Moment(row.moment), row.images, (row.predicted, row.cross_entropy, row.logits))


def pack(record: PredictionRecord) -> tuple[bytes, bytes, bytes | None]:
    """Classes, cross-entropies and logits as compressed little-endian uint16, float16 and float16."""
    return (
        _packed(record.predicted, "<u2"),
        pack_float16(record.cross_entropy),
        None if record.logits is None else pack_float16(record.logits),
    )


def unpack(side: Side, moment: Moment, images: int, blobs: tuple[bytes, bytes, bytes | None]) -> PredictionRecord:
    """What `pack` has packed; raises `ValueError` where the blobs do not hold that many images."""
    predicted, cross_entropy, logits = blobs
    return PredictionRecord(
        side=side,
        moment=moment,
        predicted=_unpacked(predicted, np.dtype("<u2"), images).astype(np.uint16),
        cross_entropy=unpack_float16(cross_entropy, images),
        logits=None if logits is None else _unpacked_logits(logits, images),
    )


def pack_float16(array: NDArray[np.float16]) -> bytes:
    """An array as compressed little-endian bytes."""
    return _packed(array, "<f2")


def unpack_float16(blob: bytes, length: int) -> NDArray[np.float16]:
    """What `pack_float16` has packed; raises `ValueError` where it is not of that length."""
    return _unpacked(blob, np.dtype("<f2"), length).astype(np.float16)


def _packed(array: NDArray[Any], kind: str) -> bytes:
    return zlib.compress(array.astype(kind, casting="same_kind").tobytes())


def _unpacked_logits(blob: bytes, images: int) -> NDArray[np.float16]:
    kind = np.dtype("<f2")
    # More classes than labels can number would be a damaged blob.
    content = zlib.decompressobj().decompress(blob, max_length=images * kind.itemsize * _MOST_CLASSES)
    array = np.frombuffer(content, kind)
    if images == 0 or len(array) == 0 or len(array) % images:
        raise ValueError(f"{len(array)} logits for {images} images")
    return array.reshape(images, -1).astype(np.float16)


def _unpacked(blob: bytes, kind: np.dtype[Any], length: int) -> NDArray[Any]:
    # Never more than the row promises: a damaged blob may unpack to gigabytes.
    content = zlib.decompressobj().decompress(blob, max_length=length * kind.itemsize + 1)
    array = np.frombuffer(content, kind)
    if len(array) != length:
        raise ValueError(f"{len(array)} predictions where {length} were stored")
    return array


# ---- single values -------------------------------------------------------------------------------------------------


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)


def _number(value: object) -> object:
    """A stored value; NULL stands for NaN in rows of measurements."""
    return math.nan if value is None else value


def _python(value: Scalar) -> Scalar:
    return value.item() if isinstance(value, np.generic) else value


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
