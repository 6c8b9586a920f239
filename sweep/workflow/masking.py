"""What is wrong with the images, kept from being taken for a fault of the training.

A trial's probes judge by its validation side. Images of it that are copies, or whose labels are wrong, are left out of
them once that is found; and where the side is of another kind than training, they are not asked what only its own kind
could answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from sweep.diagnosis.verdict import judge, latest
from sweep.records import Cause, Finding, IndexArray

__all__ = ["Masks", "masks_of", "unanswered"]

_LEFT_OUT = (Cause.LEAK, Cause.LABEL_NOISE)
_OF_ERRORS = (Cause.CLASS_BIAS, Cause.CONFUSABLE_CLASSES)
"""Which classes are confused on another kind of images says nothing of training's kind."""
_OF_VALIDATION = (
    *_OF_ERRORS,
    Cause.SMALL_VALIDATION,
    Cause.LAST_EPOCH,
    Cause.BOTTLENECK,
    Cause.OVER_REGULARIZED,
    Cause.LEARNING_RATE,
    Cause.CAPACITY,
    Cause.IDLE_DROPOUT,
    Cause.DISTORTION,
    Cause.FEW_IMAGES,
    Cause.BEST_OF_MANY,
)
"""Where classes stand in another order, the better network has the worse validation numbers."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Masks:
    """What to keep from the probes of a trial.

    Attributes:
        left_out: positions in the study's index, ascending.
        unanswerable: why a cause cannot be judged.
    """

    left_out: IndexArray
    unanswerable: Mapping[Cause, str] = field(default_factory=dict)

    def kept(self, images: IndexArray) -> IndexArray:
        """Places, among these positions in the index, of those that are not left out."""
        return np.flatnonzero(~np.isin(images, self.left_out))


def masks_of(rounds: Sequence[Sequence[Finding]], *, num_classes: int, harm: float) -> Masks:
    """Read them off the findings about the data.

    Args:
        rounds: of those findings; images by their positions in the study's index.
        num_classes: of the study.
        harm: the harm margin.
    """
    causes = judge(latest(rounds), num_classes=num_classes, harm=harm).causes
    rows = {row for finding in causes if finding.cause in _LEFT_OUT for row in finding.rows}
    unanswerable: dict[Cause, str] = {}
    for finding in causes:
        if finding.cause is Cause.SHIFT:
            reordered = finding.evidence.get("reordered") is True
            asked = _OF_VALIDATION if reordered else _OF_ERRORS
            of = "its classes stand in another order" if reordered else "it is of another kind than training"
            unanswerable |= dict.fromkeys(asked, f"validation cannot tell while {of}: mend that first")
    return Masks(left_out=np.array(sorted(rows), np.int64), unanswerable=unanswerable)


def unanswered(findings: Sequence[Finding], masks: Masks) -> tuple[Finding, ...]:
    """The findings, those without an answer as not measured."""
    return tuple(
        replace(Finding.not_measured(one.cause, masks.unanswerable[one.cause]), repaired=one.repaired)
        if one.cause in masks.unanswerable
        else one
        for one in findings
    )
