"""Causes of a gap, and what a probe has found out about one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sweep.records.values import Interval, Scalar

__all__ = ["Cause", "Exhibit", "Finding", "Remedy", "Unit"]


class Cause(StrEnum):
    """The causes, as the slugs that `sweep explain`, `[check]` and databases use."""

    TRAINING_MODE = "training-mode"
    BATCH_NORM = "batch-norm"
    SMALL_VALIDATION = "small-validation"
    BEST_OF_MANY = "best-of-many"
    LAST_EPOCH = "last-epoch"
    BOOKKEEPING = "bookkeeping"
    FEW_IMAGES = "few-images"
    LABEL_NOISE = "label-noise"
    SHIFT = "shift"
    LEAK = "leak"
    BURSTS = "bursts"
    PREPROCESSING = "preprocessing"
    CLASS_BIAS = "class-bias"
    CONFUSABLE_CLASSES = "confusable-classes"
    CAPACITY = "capacity"
    WEAK_FEATURES = "weak-features"
    BOTTLENECK = "bottleneck"
    IDLE_DROPOUT = "idle-dropout"
    LEARNING_RATE = "learning-rate"
    NOT_TRAINING = "not-training"
    DISTORTION = "distortion"
    OVER_REGULARIZED = "over-regularized"
    SHORTCUT = "shortcut"
    RESOLUTION = "resolution"
    IMBALANCE = "imbalance"


class Unit(StrEnum):
    """What an effect is counted in: a share of the images, or nats of cross-entropy."""

    ACCURACY = "accuracy"
    CROSS_ENTROPY = "cross_entropy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """What to change.

    Attributes:
        sentence: in the imperative, complete.
        changes: fields of the study file by table and name, in the notation of the database ("model.pooling": "avg");
            empty where no field does it, as for more images.
    """

    sentence: str
    changes: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibit:
    """Pictures that show it.

    Attributes:
        caption: what to see in them.
        images: positions in the study's index, in the order in which to show them.
    """

    caption: str
    images: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one probe says of one cause; whether that is enough to name it, the verdict decides.

    Attributes:
        cause: which.
        effect: the harm in `unit`, positive where there is some; None where it was not measured.
        unit: of the effect.
        p: of no harm at all, one-sided; 0 or 1 for facts of arithmetic; None where it was not measured.
        exact: whether p is a fact of arithmetic and not of a test.
        images: independent images, or sources, behind the interval; 0 where more of them would not narrow it.
        summary: one sentence with its numbers.
        evidence: numbers by name; shares as fractions.
        remedies: the best candidate first.
        source: of the method: author, title, year, address.
        exhibits: pictures.
        missing: why it was not measured; "" where it was.
        repaired: causes that were repaired, virtually, before this was measured.
        rows: positions of all images that the remedy takes out, ascending; pictures show but a few of them.
    """

    cause: Cause
    effect: Interval | None
    unit: Unit = Unit.ACCURACY
    p: float | None
    exact: bool = False
    images: int = 0
    summary: str
    evidence: Mapping[str, Scalar] = field(default_factory=dict)
    remedies: tuple[Remedy, ...] = ()
    source: str = ""
    exhibits: tuple[Exhibit, ...] = ()
    missing: str = ""
    repaired: tuple[Cause, ...] = ()
    rows: tuple[int, ...] = ()

    @classmethod
    def not_measured(cls, cause: Cause, reason: str) -> Finding:
        """What is said of a cause whose probe could not be run."""
        return cls(cause=cause, effect=None, p=None, summary=f"not measured: {reason}", missing=reason)

    @classmethod
    def impossible(cls, cause: Cause, reason: str) -> Finding:
        """What is said of a cause that this configuration or these data cannot have."""
        nothing = Interval(estimate=0.0, low=0.0, high=0.0)
        return cls(cause=cause, effect=nothing, p=1.0, exact=True, summary=reason)
