"""Which ways a configuration opens for batch norm's modes to part, and what is proposed against them."""

from __future__ import annotations

import pytest

from sweep.diagnosis.probes.norms import Mismatch, mismatches, norm_remedies, why_never
from sweep.records import Scalar

PLAIN: dict[str, Scalar] = {
    "batch_norm": "train",
    "head_batch_norm": False,
    "batch_size": 32,
    "dropout": 0.5,
    "dropout_position": "after_pooling",
    "conv_filters": 0,
    "head_width": "none",
    "recalibrate": False,
}


def kinds(staleness: float | None = None, **fields: Scalar) -> tuple[Mismatch, ...]:
    return mismatches({**PLAIN, **fields}, staleness)


def fields(staleness: float | None = None, *, proven: bool = False, **changes: Scalar) -> list[str]:
    chosen = {**PLAIN, **changes}
    remedies = norm_remedies(chosen, mismatches(chosen, staleness), proven=proven)
    return [next(iter(remedy.changes)).rpartition(".")[2] for remedy in remedies]


def test_a_plain_configuration_opens_none() -> None:
    assert kinds() == kinds(0.04) == ()
    assert mismatches({}, None) == ()


def test_each_way_is_seen() -> None:
    assert kinds(batch_norm="legacy") == (Mismatch.LEGACY,)
    assert kinds(0.0588) == (Mismatch.STALE,)
    assert kinds(batch_size=8) == (Mismatch.TINY_BATCH,)
    assert kinds(batch_size=9) == ()


@pytest.mark.parametrize(
    ("dropout_position", "others", "before"),
    [
        ("backbone", {}, True),
        ("backbone", {"batch_norm": "frozen"}, False),
        ("backbone", {"batch_norm": "frozen", "head_batch_norm": True}, True),
        ("before_conv", {"head_batch_norm": True}, False),  # there is neither convolution nor dense layer
        ("before_conv", {"head_batch_norm": True, "conv_filters": 32}, True),
        ("after_conv", {"head_batch_norm": True, "conv_filters": 32}, False),
        ("after_conv", {"head_batch_norm": True, "conv_filters": 32, "head_width": 64}, True),
        ("after_pooling", {"head_width": "128"}, False),
        ("after_pooling", {"head_batch_norm": True, "head_width": "128"}, True),
        ("after_dense", {"head_batch_norm": True, "head_width": "128"}, False),
        ("after_dense", {"head_batch_norm": True, "head_width": "128-64"}, True),
        ("backbone", {"dropout": 0.0}, False),
        ("backbone", {"dropout": "0.0-0.0"}, False),
        ("backbone", {"dropout": "0.0-0.2"}, True),
        ("backbone", {"dropout": 1e-05}, True),
    ],
)
def test_dropout_before_a_batch_norm_on_batches(dropout_position: str, others: dict[str, Scalar], before: bool) -> None:
    assert (Mismatch.DROPOUT_BEFORE in kinds(None, dropout_position=dropout_position, **others)) is before


def test_remedies_fit_the_way() -> None:
    assert fields() == ["batch_norm", "recalibrate", "batch_norm_momentum"]
    assert fields(0.75) == ["recalibrate", "batch_norm", "batch_norm_momentum"]
    assert fields(batch_norm="legacy") == ["batch_norm", "recalibrate"]
    assert fields(proven=True, batch_norm="legacy") == ["recalibrate", "batch_norm"]
    assert fields(batch_size=2, recalibrate=True) == ["batch_norm", "batch_norm_momentum", "batch_size"]
    assert fields(batch_norm="frozen", head_batch_norm=True, head_width=64) == [
        "recalibrate",
        "dropout_position",
        "head_batch_norm",
    ]


def test_a_wholly_frozen_network_has_one_mode() -> None:
    assert why_never({"batch_norm": "frozen", "head_batch_norm": False})
    assert not why_never({"batch_norm": "frozen", "head_batch_norm": True})
    assert not why_never({"batch_norm": "train", "head_batch_norm": False})
    assert not why_never({})
