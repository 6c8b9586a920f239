"""Cross-validation: a configuration trained once a fold and measured as one.

A fold costs a head, not a backbone: all trainings read the same cached features and share what was compiled.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from sweep.data.folds import trainings
from sweep.records import IndexArray, Measurement, PredictionRecord, SplitIndices
from sweep.studyfile.definition import Configuration
from sweep.training.averaging import averaged
from sweep.training.course import PRUNED, Reporter
from sweep.training.sizes import ModelDescription
from sweep.training.trial import Tested

__all__ = ["DescribesModels", "FoldReporter", "FoldTrainer", "TrainsSplits"]


class FoldReporter(Reporter, Protocol):
    """Hears of a trial while it runs, of its epochs and of its folds if it has any."""

    def fold(self, number: int, cross_entropy: float) -> bool:
        """Called after each fold, after all of its epochs.

        Args:
            number: from 1, over all repetitions; the same images are validated under the same number in every trial.
            cross_entropy: clean, of the fold's validation side, at its selected epoch.

        Returns:
            True: go on, False: the trial is pruned. After the last fold the answer counts for nothing.
        """
        ...


class TrainsSplits(Protocol):
    """Whoever trains a configuration on a split, with folds or without."""

    def train(
        self,
        configuration: Configuration,
        *,
        seed: Sequence[int],
        reporter: FoldReporter,
        thorough: bool = False,
        split: SplitIndices | None = None,
    ) -> Measurement:
        """Train once, or once a fold; on the study's own split unless another one is given."""
        ...

    def holdout(
        self, configuration: Configuration, *, seed: Sequence[int], split: SplitIndices | None = None
    ) -> Tested:
        """Train again as the trial of that seed was trained, and measure the sealed side."""
        ...


class DescribesModels(TrainsSplits, Protocol):
    """Whoever can also say how large a model is before it is trained."""

    def describe(self, configuration: Configuration) -> ModelDescription:
        """Sizes and layers."""
        ...


class FoldTrainer:
    """Trains once a fold.

    Args:
        trainer: does the single trainings.
        labels: int64, shape (n_images,), of every image of the index.
        split: with folds.
    """

    def __init__(self, trainer: DescribesModels, *, labels: IndexArray, split: SplitIndices) -> None:
        self._trainer = trainer
        self._labels = labels
        self._split = split

    def describe(self, configuration: Configuration) -> ModelDescription:
        """Sizes and layers of the model of each fold."""
        return self._trainer.describe(configuration)

    def train(
        self,
        configuration: Configuration,
        *,
        seed: Sequence[int],
        reporter: FoldReporter,
        thorough: bool = False,
        split: SplitIndices | None = None,
    ) -> Measurement:
        """Train the folds one after the other until the reporter has heard enough.

        Args:
            configuration: of the trial.
            seed: of the trial; fold f, counted from 1, has (*seed, f).
            reporter: hears of every epoch and every fold, and may end the trial.
            thorough: whether logits are kept.
            split: with folds; the study's own unless given.

        Raises:
            TrialError: as `Trainer.train`.
        """
        whole = self._split if split is None else split
        sides = trainings(whole)
        parts: list[Measurement] = []
        pruned = False
        while not pruned and len(parts) < len(sides):
            number = len(parts) + 1
            part = self._trainer.train(
                configuration,
                seed=(*seed, number),
                reporter=reporter,
                thorough=thorough,
                split=sides[number - 1],
            )
            parts.append(part)
            goes_on = reporter.fold(number, part.validation_cross_entropy) or number == len(sides)
            pruned = part.stopped == PRUNED or not goes_on
        return averaged(parts, whole, self._labels, pruned=pruned)

    def holdout(
        self, configuration: Configuration, *, seed: Sequence[int], split: SplitIndices | None = None
    ) -> Tested:
        """Train the folds again as `train` did with that seed, and measure each model on the sealed side.

        All numbers are means over the models, image by image too. Only the prediction is a vote: it names the class
        that most models name, of equally many the one that the first of them names.
        """
        whole = self._split if split is None else split
        tested = [
            self._trainer.holdout(configuration, seed=(*seed, number), split=sides)
            for number, sides in enumerate(trainings(whole), start=1)
        ]
        return Tested(
            measurement=averaged([one.measurement for one in tested], whole, self._labels, pruned=False),
            prediction=_mean_prediction([one.prediction for one in tested]),
            share_right=np.stack([one.share_right for one in tested]).mean(axis=0, dtype=np.float64).astype(np.float16),
            accuracy=float(np.mean([one.accuracy for one in tested])),
            cross_entropy=float(np.mean([one.cross_entropy for one in tested])),
            balanced_accuracy=float(np.mean([one.balanced_accuracy for one in tested])),
        )


def _mean_prediction(predictions: Sequence[PredictionRecord]) -> PredictionRecord:
    named = np.stack([one.predicted for one in predictions])
    agreeing = np.stack([(named == one).sum(axis=0) for one in named])
    cross_entropies = np.stack([one.cross_entropy for one in predictions]).astype(np.float64)
    return PredictionRecord(
        side=predictions[0].side,
        moment=predictions[0].moment,
        predicted=named[agreeing.argmax(axis=0), np.arange(named.shape[1])],
        cross_entropy=cross_entropies.mean(axis=0).astype(np.float16),
    )
