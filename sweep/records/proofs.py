"""A remedy that was run: the configuration as it is against the mended one, over seeds and splits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sweep.records.findings import Cause
from sweep.records.values import Interval, Scalar

__all__ = ["ProofOutcome", "ProofRecord"]


class ProofOutcome(StrEnum):
    """What running a remedy has shown."""

    PROVEN = "proven"
    REFUTED = "refuted"
    NOT_SHOWN = "not shown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofRecord:
    """One remedy of one cause, run; positive changes are better.

    Attributes:
        trial: whose configuration was mended.
        cause: that the remedy is for; of several mended together the first.
        changes: fields of the study file by table and name, in the notation of the database; empty where images were
            left out instead.
        left_out: how many images the remedy leaves out.
        repeats: trainings on either side.
        new_split: whether each had a split of its own; otherwise only seeds vary.
        gap_narrowed: clean gap as it is minus clean gap mended, a fraction.
        accuracy_gained: clean validation accuracy mended minus as it is, a fraction; of balanced accuracy where the
            cause is imbalance.
        cross_entropy_saved: clean validation cross-entropy as it is minus mended, nats.
        p: one-sided, that the remedy does not bring what it promises.
        sentence: what came out, with its numbers.
    """

    trial: int
    cause: Cause
    changes: Mapping[str, Scalar] = field(default_factory=dict)
    left_out: int = 0
    repeats: int
    new_split: bool
    gap_narrowed: Interval
    accuracy_gained: Interval
    cross_entropy_saved: Interval
    p: float
    outcome: ProofOutcome
    sentence: str
