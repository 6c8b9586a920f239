"""Configurations trained once more: over other seeds and splits, and on the sealed test side."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sweep.records.trials import PredictionRecord

__all__ = ["HoldoutRecord", "HoldoutResult", "RepeatRecord"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RepeatRecord:
    """A finalist's configuration trained with another seed on another split of the images that are not sealed.

    Repetition r of every finalist of a study has the same split, so finalists are compared repetition by repetition.

    Attributes:
        number: the trial whose configuration it is.
        repeat: from 1.
        new_split: whether the validation side was drawn anew; not so where a folder fixes it.
        train_accuracy, train_cross_entropy, validation_accuracy, validation_cross_entropy: clean, at the epoch whose
            weights were kept.
        train_images, validation_images: sizes of the sides; with folds the means over them.
        folds: trainings behind these numbers; 0 where there is one split.
        validation: predictions of its validation side, with logits, or None.
    """

    number: int
    repeat: int
    new_split: bool
    train_accuracy: float
    train_cross_entropy: float
    validation_accuracy: float
    validation_cross_entropy: float
    train_images: int
    validation_images: int
    selected_epoch: int
    folds: int
    seconds: float
    validation: PredictionRecord | None = None

    @property
    def gap_accuracy(self) -> float:
        """Clean train accuracy minus clean validation accuracy, a fraction."""
        return self.train_accuracy - self.validation_accuracy


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HoldoutResult:
    """What one configuration, trained again as its trial was, does on the sealed test side.

    Attributes:
        number: the trial.
        rank: its place in the ranking when the seal was broken.
        baseline: whether it is the baseline.
        accuracy, cross_entropy, balanced_accuracy: clean, over the test side.
        validation_accuracy: of the same weights; it should be the trial's own.
        predicted_low, predicted_high: where the accuracy was expected with 95 % beforehand; NaN where it was not.
        prediction: of every test image; with folds the class that most of the models name.
        share_right: of the models that name the true class, float16, shape (n_images,): 0 or 1 but with folds, whose
            models are as many configurations of equal standing, not one that votes.
    """

    number: int
    rank: int
    baseline: bool
    accuracy: float
    cross_entropy: float
    balanced_accuracy: float
    validation_accuracy: float
    predicted_low: float
    predicted_high: float
    prediction: PredictionRecord
    share_right: NDArray[np.float16]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HoldoutRecord:
    """One opening of a sealed test side; it is never removed.

    Attributes:
        study: whose test side.
        opened: UTC.
        seen_before: how many of the images an earlier opening in the same database had shown already; counted when the
            opening is stored.
        content_hashes: SHA-256 of every test image's bytes, hexadecimal, in the order of the predictions.
        results: in the order of the ranking.
    """

    study: str
    opened: datetime.datetime
    seen_before: int
    content_hashes: tuple[str, ...]
    results: tuple[HoldoutResult, ...]

    @property
    def test_images(self) -> int:
        """How many images were looked at."""
        return len(self.content_hashes)
