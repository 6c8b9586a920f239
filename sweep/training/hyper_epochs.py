"""What happens between the epochs of a hypermodel's own training: evaluated, recorded, reported, ended if asked."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

import keras
from numpy.typing import NDArray

from sweep.errors import TrialError
from sweep.records import EpochRecord
from sweep.training.course import Evaluated, Keeper
from sweep.training.hyper_metrics import ACCURACY, CROSS_ENTROPY
from sweep.training.hyper_run import HyperRun
from sweep.training.task import Task

__all__ = ["EndedError", "Epochs"]

Logs: TypeAlias = Mapping[str, Any]

_USERS_ACCURACIES = ("accuracy", "acc")
# Keras computes the loss and its parts in float32, each by itself.
_ROUNDING = 1e-5


class EndedError(Exception):
    """Ends a loop that does not look at `stop_training`."""


class Epochs(keras.callbacks.Callback):  # type: ignore[misc]
    """A callback of a training that somebody else's code runs.

    Args:
        run: what is trained.
        task: what is to be learnt.
        keeper: hears of every epoch.
        batch_size: of the training, as far as is known.

    Attributes:
        batch_size: as above.
        count: epochs that have ended.
        ended: whether training is to go on no more.
        in_fit: whether Keras' own loop is running, which looks at `stop_training`.
        last: the weights at the end of the last epoch.
        raised: what went wrong in here, which passes through the hypermodel's code, whatever that does with errors.
    """

    def __init__(self, run: HyperRun, task: Task, keeper: Keeper, *, batch_size: int) -> None:
        super().__init__()
        self.batch_size = batch_size
        self.count = 0
        self.ended = False
        self.in_fit = False
        self.last: list[NDArray[Any]] = []
        self.raised: Exception | None = None
        self._run = run
        self._task = task
        self._keeper = keeper
        self._penalised = False
        self._penalty = 0.0
        self._start = time.perf_counter()

    def __deepcopy__(self, memo: object) -> Epochs:
        """There is one, however often a hypermodel copies its callbacks."""
        return self

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Before each epoch."""
        self._penalised = self._run.penalty() > 0
        self._penalty = 0.0

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before each step."""
        if self._penalised:
            examples = len(self._task.train)
            count = max(0, min(self.batch_size, examples - batch * self.batch_size))
            self._penalty += self._run.penalty() * count / examples

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """After each epoch."""
        with self.ours():
            if self.ended:
                raise EndedError
            if self._goes_on(logs or {}):
                return
            self.ended = True
            self.model.stop_training = True
            if not self.in_fit:
                raise EndedError

    @contextmanager
    def ours(self) -> Iterator[None]:
        """What is raised within it is remembered."""
        try:
            yield
        except EndedError:
            raise
        except Exception as error:
            self.raised = self.raised or error
            raise

    def _goes_on(self, logs: Logs) -> bool:
        self.count += 1
        clean = Evaluated(
            probe=self._run.evaluate(self._task.probe), validation=self._run.evaluate(self._task.validation)
        )
        record = self._record(logs, clean)
        for value in (record.logged_train_loss, record.validation_cross_entropy):
            if not math.isfinite(value):
                raise _not_finite(self.count, value)
        self.last = self._run.weights()
        return self._keeper.add(record, clean)

    def _record(self, logs: Logs, clean: Evaluated) -> EpochRecord:
        """What Keras logged; where it logged nothing of the kind, what is clean stands for it."""
        probe, validation, penalty = clean.probe, clean.validation, self._penalty
        loss = float(logs.get("loss", probe.cross_entropy + penalty))
        beside = loss - penalty - float(logs[CROSS_ENTROPY]) if CROSS_ENTROPY in logs else 0.0
        started, self._start = self._start, time.perf_counter()
        return EpochRecord(
            epoch=self.count,
            logged_train_accuracy=_accuracy(logs, "", probe.accuracy),
            logged_train_loss=loss,
            logged_penalty=penalty,
            logged_weighting=beside if abs(beside) > _ROUNDING * max(1.0, abs(loss)) else 0.0,
            logged_validation_accuracy=_accuracy(logs, "val_", validation.accuracy),
            logged_validation_loss=float(logs.get("val_loss", validation.cross_entropy + self._run.penalty())),
            train_accuracy=probe.accuracy,
            train_cross_entropy=probe.cross_entropy,
            validation_accuracy=validation.accuracy,
            validation_cross_entropy=validation.cross_entropy,
            learning_rate=_learning_rate(self.model),
            seconds=self._start - started,
        )


def _accuracy(logs: Logs, side: str, clean: float) -> float:
    names = (*_USERS_ACCURACIES, ACCURACY)
    return next((float(logs[side + name]) for name in names if side + name in logs), clean)


def _learning_rate(model: keras.Model) -> float:
    rate = getattr(model.optimizer, "learning_rate", math.nan)
    return float(keras.ops.convert_to_numpy(rate))


def _not_finite(epoch: int, value: float) -> TrialError:
    return TrialError(
        "trial",
        received=f"a loss of {value} in epoch {epoch}",
        expected="a finite number",
        remedy="lower the learning rate, or the upper end of its range",
    )
