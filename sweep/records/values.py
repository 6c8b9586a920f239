"""Values that every record is made of, and the enums that databases store."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

__all__ = ["IndexArray", "Interval", "Moment", "Scalar", "Side", "Split", "TrialState"]

Scalar = bool | int | float | str
IndexArray = NDArray[np.int64]


class Split(StrEnum):
    """The side on which an image stands."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class Side(StrEnum):
    """The images that predictions are about.

    `PROBE` is the fixed stratified part of the training side; `TRAIN`, the whole of it, was stored by schema version 1.
    """

    TRAIN = "train"
    PROBE = "probe"
    VALIDATION = "validation"
    TEST = "test"


class TrialState(StrEnum):
    """The fate of a trial."""

    WAITING = "waiting"
    RUNNING = "running"
    COMPLETE = "complete"
    PRUNED = "pruned"
    FAILED = "failed"


class Moment(StrEnum):
    """The epoch whose weights were evaluated."""

    SELECTED = "selected"
    LAST = "last"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An estimate with the bounds of its confidence interval (95 % unless `level` says otherwise)."""

    estimate: float
    low: float
    high: float
    level: float = 0.95
