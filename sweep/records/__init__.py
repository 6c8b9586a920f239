"""The frozen records that cross folder borders, and the enums that databases store.

Accuracies and shares are fractions from 0 to 1, cross-entropies are in nats, times in seconds, epochs count from 1.
Enum values are strings that old databases depend on: they are never changed or removed, only added.
"""

from sweep.records.data import DataIndex, DataSummary, ImageRecord, SplitIndices, UnreadableFile
from sweep.records.findings import Cause, Exhibit, Finding, Remedy, Unit
from sweep.records.fits import FitRecord
from sweep.records.modes import ModeRecord
from sweep.records.proofs import ProofOutcome, ProofRecord
from sweep.records.repeats import HoldoutRecord, HoldoutResult, RepeatRecord
from sweep.records.trials import (
    EpochRecord,
    FailureRecord,
    Measurement,
    PredictionRecord,
    StageRecord,
    StudyRecord,
    TrialRecord,
)
from sweep.records.values import IndexArray, Interval, Moment, Scalar, Side, Split, TrialState

__all__ = [
    "Cause",
    "DataIndex",
    "DataSummary",
    "EpochRecord",
    "Exhibit",
    "FailureRecord",
    "Finding",
    "FitRecord",
    "HoldoutRecord",
    "HoldoutResult",
    "ImageRecord",
    "IndexArray",
    "Interval",
    "Measurement",
    "ModeRecord",
    "Moment",
    "PredictionRecord",
    "ProofOutcome",
    "ProofRecord",
    "Remedy",
    "RepeatRecord",
    "Scalar",
    "Side",
    "Split",
    "SplitIndices",
    "StageRecord",
    "StudyRecord",
    "TrialRecord",
    "TrialState",
    "Unit",
    "UnreadableFile",
]
