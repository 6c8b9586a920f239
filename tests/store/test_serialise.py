"""Records to rows and back, without loss and without what a database or JSON cannot take."""

from __future__ import annotations

import zlib
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sweep.records import FailureRecord, Moment, PredictionRecord, Scalar, Side
from sweep.store.serialise import (
    failure_row,
    prediction_from_row,
    prediction_row,
    scalars_from_json,
    scalars_json,
)

lengths = st.integers(0, 300)


def row(**values: object) -> Any:  # noqa: ANN401 - it stands for a row
    """A row as SQLAlchemy gives it."""
    return SimpleNamespace(**values)


@settings(deadline=None)
@given(st.data(), lengths, st.sampled_from(Side), st.sampled_from(Moment))
def test_predictions_survive_bit_by_bit(data: st.DataObject, length: int, side: Side, moment: Moment) -> None:
    # From bit patterns, so that every NaN, subnormal and infinity occurs.
    bits = arrays(np.uint16, length)
    record = PredictionRecord(
        side=side,
        moment=moment,
        predicted=data.draw(bits),
        cross_entropy=data.draw(bits).view(np.float16),
    )
    back = prediction_from_row(row(**prediction_row(record)))
    assert (back.side, back.moment) == (side, moment)
    assert back.predicted.dtype == np.uint16
    assert back.cross_entropy.dtype == np.float16
    assert back.predicted.tobytes() == record.predicted.tobytes()
    assert back.cross_entropy.tobytes() == record.cross_entropy.tobytes()


def test_the_bytes_of_predictions_are_little_endian() -> None:
    record = PredictionRecord(
        side=Side.TRAIN,
        moment=Moment.LAST,
        predicted=np.array([1, 258], ">u2"),
        cross_entropy=np.array([1.0], ">f2"),
    )
    values = prediction_row(record)
    assert zlib.decompress(values["predicted"]) == b"\x01\x00\x02\x01"
    assert zlib.decompress(values["cross_entropy"]) == b"\x00\x3c"


def test_classes_that_uint16_does_not_hold_are_refused() -> None:
    record = PredictionRecord(
        side=Side.TRAIN,
        moment=Moment.LAST,
        predicted=np.array([70_000]),
        cross_entropy=np.zeros(1, np.float16),
    )
    with pytest.raises(TypeError, match="Cannot cast"):
        prediction_row(record)


@pytest.mark.parametrize(
    ("blob", "message"),
    [
        (zlib.compress(b"\0" * 2), "1 predictions where 3 were stored"),
        (zlib.compress(b"\0" * 10_000_000), "must be a multiple of element size"),
        (b"no blob", "incorrect header check"),
    ],
)
def test_a_damaged_blob_is_noticed_before_it_fills_the_memory(blob: bytes, message: str) -> None:
    damaged = row(split="train", moment="last", images=3, predicted=blob, cross_entropy=blob, logits=None)
    with pytest.raises((ValueError, zlib.error), match=message):
        prediction_from_row(damaged)


scalars = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8")),
)


@settings(deadline=None)
@given(st.dictionaries(st.text(st.characters(codec="utf-8")), scalars))
def test_configurations_survive(values: dict[str, Scalar]) -> None:
    back = scalars_from_json(scalars_json(values))
    assert back == values
    assert [type(value) for value in back.values()] == [type(values[name]) for name in back]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.float32("nan")])
def test_a_configuration_takes_no_number_that_json_lacks(value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        scalars_json({"l2": value})


def test_a_configuration_is_an_object() -> None:
    with pytest.raises(TypeError, match="a configuration is an object"):
        scalars_from_json("[1, 2]")


@settings(deadline=None)
@given(st.text())
def test_every_reason_can_be_stored(reason: str) -> None:
    values = failure_row(FailureRecord(kind="OSError", reason=reason))
    assert "\0" not in values["reason"]
    assert values["reason"].encode("utf-8").decode() == values["reason"]
