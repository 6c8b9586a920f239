"""Whether what was exported is what the trial was: the file asked about the validation side, raw pixels in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sweep.diagnosis.ranking import RankedTrial
from sweep.diagnosis.wording import bounds, percent
from sweep.errors import TrialError
from sweep.records import IndexArray, PredictionRecord
from sweep.report.wording import nats
from sweep.training.evaluation import Evaluation, evaluate

__all__ = ["Agreement", "check_agreement", "check_file"]

Float32 = NDArray[np.float32]

_ROUNDING = 1e-3
"""Between probabilities of one network on two engines; 2e-5 was seen, and in half precision `_HALF_ROUNDING` may be."""
_HALF_ROUNDING = 0.05
_STORED_ROUNDING = 0.01
"""Nats, and as a share too: cross-entropies are stored with three digits."""
_TWO_SIDED = 1.96


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What the file says of the validation side, beside what the trial's weights said.

    Attributes:
        images: of the validation side.
        accuracy, cross_entropy: of the file.
        trial_accuracy, trial_cross_entropy: of the trial.
        low, high: of the trial's accuracy, 95 %.
        same: whether it says of every image what the trial said, to the digits that are stored.
        seen: whether the file was trained on these images too, so that its numbers are no clean ones.
    """

    images: int
    accuracy: float
    cross_entropy: float
    trial_accuracy: float
    trial_cross_entropy: float
    low: float
    high: float
    same: bool
    seen: bool

    @property
    def sentence(self) -> str:
        """For terminal and card."""
        trial = f"{percent(self.trial_accuracy)} {bounds(self.low, self.high)}"
        if self.seen:
            return (
                f"It was trained on the validation images too, so nothing clean can be said of it: the trial, without "
                f"them, scored {trial} on them. The file names {percent(self.accuracy)} of them right, as it should, "
                "having seen them."
            )
        said = f"Asked about the {self.images:,} validation images, the file scores {percent(self.accuracy)}"
        numbers = f"cross-entropy {nats(self.cross_entropy)} and {nats(self.trial_cross_entropy)} nats"
        if self.same:
            return f"{said}, image by image what the trial scored: {trial} ({numbers})."
        return f"{said}, within the interval of the trial: {trial} ({numbers})."


def check_file(said: Float32, trained: Evaluation, *, half_precision: bool) -> None:
    """Raise where a file is another function than the network whose weights were put into it.

    Args:
        said: by the file, probabilities, shape (n_images, num_classes).
        trained: what the network itself says of these images.
        half_precision: whether that computed in float16.

    Raises:
        TrialError: they differ by more than rounding.
    """
    wide = trained.logits.astype(np.float64)
    shares = np.exp(wide - wide.max(axis=1, keepdims=True))
    apart = float(np.abs(said - shares / shares.sum(axis=1, keepdims=True)).max())
    # Written so that a file that says NaN does not pass.
    if not apart <= (_HALF_ROUNDING if half_precision else _ROUNDING):
        raise TrialError(
            "the exported model",
            received=f"probabilities that are up to {apart:.3g} away from those of the network that was trained",
            expected=f"at most {_ROUNDING:g}, which is rounding",
            remedy="nothing was written; try another --format, and report what the configuration is",
        )


def check_agreement(
    said: Float32, labels: IndexArray, row: RankedTrial, stored: PredictionRecord | None, *, seen: bool
) -> Agreement:
    """Hold what a file says of the validation side against the trial.

    Args:
        said: probabilities, shape (n_images, num_classes).
        labels: of the images, shape (n_images,).
        row: of the trial.
        stored: what the trial's weights said of the images; None where that was not stored.
        seen: whether the file was trained on these images.

    Raises:
        TrialError: the accuracy or the cross-entropy is not within the trial's interval; of images that were seen they
            may be better.
    """
    measured = row.measurement
    found = evaluate(np.log(np.maximum(said, np.finfo(np.float32).tiny)), labels)
    agreement = Agreement(
        images=len(labels),
        accuracy=found.accuracy,
        cross_entropy=found.cross_entropy,
        trial_accuracy=row.validation.estimate,
        trial_cross_entropy=measured.validation_cross_entropy,
        low=row.validation.low,
        high=row.validation.high,
        same=not seen and stored is not None and _same(found, stored),
        seen=seen,
    )
    if not agreement.same:
        _check_intervals(agreement, row)
    return agreement


def _same(found: Evaluation, stored: PredictionRecord) -> bool:
    before = stored.cross_entropy.astype(np.float64)
    if before.shape != found.cross_entropies.shape:
        return False
    return bool((np.abs(found.cross_entropies - before) <= _STORED_ROUNDING * (1 + before)).all())


def _check_intervals(one: Agreement, row: RankedTrial) -> None:
    margin = _TWO_SIDED * row.measurement.validation_cross_entropy_error + _STORED_ROUNDING
    worse = one.accuracy < one.low or one.cross_entropy > one.trial_cross_entropy + margin
    better = one.accuracy > one.high or one.cross_entropy < one.trial_cross_entropy - margin
    if not worse and (one.seen or not better):
        return
    trial = f"the trial's {percent(one.trial_accuracy)} {bounds(one.low, one.high)}"
    raise TrialError(
        f"trial {row.number}, trained again",
        received=f"{percent(one.accuracy)} on validation, cross-entropy {nats(one.cross_entropy)} nats",
        expected=f"{trial}, {nats(one.trial_cross_entropy)} nats ± {margin:.3f}" + (", or better" if one.seen else ""),
        remedy="nothing was written; use the machine and the versions that the study was run with, or run it anew",
    )
