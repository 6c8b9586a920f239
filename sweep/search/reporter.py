"""What training tells of a trial while it runs, handed on to Optuna."""

from __future__ import annotations

import math
from collections.abc import Container

import optuna

from sweep.errors import TrialError
from sweep.records import EpochRecord, Measurement

__all__ = ["TrialReporter", "check_finite"]


class TrialReporter:
    """Reports −CE_val after some epochs, or after each fold, and passes on Optuna's word whether the trial goes on.

    Optuna keeps each value in a transaction of its own and reads the whole trial again to judge it, so it hears of
    those epochs only after which its pruner may act; our own tables have them all.

    With folds an epoch's value says nothing of the trial: the folds before it were other images. So epochs are only
    looked at there, and each fold is a step.

    The baseline is measured to its end whatever the pruner says: everything is compared with it. It still takes its
    place among the values that others have to beat. At the last step the pruner is not asked: nothing is left to save.

    Args:
        trial: a running one.
        baseline: whether it is the baseline.
        rungs: the epochs that are reported.
        epochs: the number of epochs that the configuration asks for.
        folds: the number of trainings; 0 where there is one split.

    Attributes:
        epochs: as above.
        folds: as above.
        reached: the last epoch that was reported, of the running fold; 0 before its first.
    """

    def __init__(
        self, trial: optuna.Trial, *, baseline: bool, rungs: Container[int], epochs: int, folds: int = 0
    ) -> None:
        self.epochs = epochs
        self.folds = folds
        self.reached = 0
        self._trial = trial
        self._baseline = baseline
        self._rungs = rungs

    def epoch(self, record: EpochRecord) -> bool:
        """Take note of an epoch; False ends the trial.

        Raises:
            TrialError: the validation cross-entropy is not finite.
        """
        self.reached = record.epoch
        if not math.isfinite(record.validation_cross_entropy):
            raise _not_finite(self._trial.number, record.epoch, record.validation_cross_entropy)
        if self.folds or record.epoch not in self._rungs:
            return True
        return self._goes_on(record.validation_cross_entropy, record.epoch, last=self.epochs)

    def fold(self, number: int, cross_entropy: float) -> bool:
        """Take note of a fold's end; False ends the trial.

        Raises:
            TrialError: the validation cross-entropy is not finite.
        """
        if not math.isfinite(cross_entropy):
            raise _not_finite(self._trial.number, self.reached, cross_entropy)
        self.reached = 0
        return self._goes_on(cross_entropy, number, last=self.folds)

    def _goes_on(self, cross_entropy: float, step: int, *, last: int) -> bool:
        self._trial.report(-cross_entropy, step)
        hopeless = step < last and self._trial.should_prune()
        return self._baseline or not hopeless


def check_finite(number: int, measurement: Measurement) -> None:
    """Refuse a measurement from which no objective can be computed.

    Raises:
        TrialError: a cross-entropy is NaN or infinite.
    """
    for value in (measurement.validation_cross_entropy, measurement.train_cross_entropy):
        if not math.isfinite(value):
            raise _not_finite(number, measurement.selected_epoch, value)


def _not_finite(number: int, epoch: int, value: float) -> TrialError:
    return TrialError(
        f"trial {number}, epoch {epoch}",
        received=f"cross-entropy {value}",
        expected="a finite number",
        remedy="lower the learning rate, or the upper end of its range",
    )
