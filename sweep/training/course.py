"""The course of a trial, epoch by epoch, whichever path trains it."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sweep.errors import TrialError
from sweep.records import EpochRecord, IndexArray
from sweep.studyfile.definition import TrainingSettings
from sweep.training.evaluation import Evaluation, evaluate
from sweep.training.seeds import TrialSeeds
from sweep.training.task import Batches, Task, draw_batches

__all__ = ["Course", "Reporter", "Run", "follow"]

FINISHED, EARLY_STOPPING, PRUNED = "finished", "early stopping", "pruned"


class Reporter(Protocol):
    """Hears of a trial while it runs."""

    def epoch(self, record: EpochRecord) -> bool:
        """Called after each epoch, in order; True: go on, False: the trial is pruned."""
        ...


class Run(Protocol):
    """A model set to the start of a trial, and the features or images that it is trained on."""

    name: str

    def run_epoch(self, batches: Batches) -> tuple[float, float]:
        """Train one epoch; accuracy and loss as Keras would print them."""
        ...

    def logits(self, images: IndexArray) -> NDArray[np.float32]:
        """Clean logits of images of the index, shape (n_images, num_classes)."""
        ...

    def penalty(self) -> float:
        """The penalty at the present weights."""
        ...

    def weights(self) -> list[NDArray[Any]]:
        """A copy of the weights."""
        ...

    def restore(self, weights: Sequence[NDArray[Any]]) -> None:
        """Put weights back."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Course:
    """A course that has ended.

    Attributes:
        epochs: one record an epoch.
        selected: the epoch whose weights are kept.
        validation: at that epoch.
        last: validation after the last epoch.
        stopped: why training ended.
    """

    epochs: tuple[EpochRecord, ...]
    selected: int
    validation: Evaluation
    last: Evaluation
    stopped: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Epoch:
    record: EpochRecord
    validation: Evaluation


def follow(
    run: Run, task: Task, settings: TrainingSettings, *, views: int, seeds: TrialSeeds, reporter: Reporter
) -> Course:
    """Train until the epochs are through, patience has run out or the reporter says stop.

    The run is left with the weights of the selected epoch.

    Args:
        run: set to the start of the trial.
        task: what is to be learnt.
        settings: epochs, batch size, patience and what to keep.
        views: augmented views of each training image in the run's table; 0: the table is that of the clean images.
        seeds: of the trial.
        reporter: hears of every epoch.

    Raises:
        TrialError: the loss is no longer a number.
    """
    batches = _BatchStream(task, settings.batch_size, views=views, seeds=seeds)
    epochs: list[_Epoch] = []
    best, best_weights = 0, None
    stopped = FINISHED
    for number in range(1, settings.epochs + 1):
        epochs.append(_train_epoch(run, task, batches.draw(), number, settings.learning_rate))
        if _cross_entropy(epochs[-1]) < min((_cross_entropy(one) for one in epochs[:-1]), default=math.inf):
            best, best_weights = number, run.weights() if settings.keep == "best" else None
        if not reporter.epoch(epochs[-1].record):
            stopped = PRUNED
            break
        if 0 < settings.patience <= number - best and number < settings.epochs:
            stopped = EARLY_STOPPING
            break
    selected = best if settings.keep == "best" else len(epochs)
    if best_weights is not None and selected < len(epochs):
        run.restore(best_weights)
    return Course(
        epochs=tuple(epoch.record for epoch in epochs),
        selected=selected,
        validation=epochs[selected - 1].validation,
        last=epochs[-1].validation,
        stopped=stopped,
    )


class _BatchStream:
    """The batches of one epoch after the other."""

    def __init__(self, task: Task, batch_size: int, *, views: int, seeds: TrialSeeds) -> None:
        self._task = task
        self._batch_size = batch_size
        self._views = views
        self._order = np.random.default_rng(seeds.order)
        self._drawn = np.random.default_rng(seeds.views)

    def draw(self) -> Batches:
        train = self._task.train
        rows = train
        if self._views:
            view = self._drawn.integers(self._views, size=len(train))
            rows = view * len(train) + np.arange(len(train))
        return draw_batches(rows, self._task.labels[train], self._batch_size, self._order)


def _train_epoch(run: Run, task: Task, batches: Batches, epoch: int, learning_rate: float) -> _Epoch:
    start = time.perf_counter()
    accuracy, loss = run.run_epoch(batches)
    _check_finite(loss, "training loss", epoch)
    probe = evaluate(run.logits(task.probe), task.labels[task.probe])
    validation = evaluate(run.logits(task.validation), task.labels[task.validation])
    _check_finite(validation.cross_entropy, "validation cross-entropy", epoch)
    record = EpochRecord(
        epoch=epoch,
        logged_train_accuracy=accuracy,
        logged_train_loss=loss,
        train_accuracy=probe.accuracy,
        train_cross_entropy=probe.cross_entropy,
        validation_accuracy=validation.accuracy,
        validation_cross_entropy=validation.cross_entropy,
        learning_rate=learning_rate,
        seconds=time.perf_counter() - start,
    )
    return _Epoch(record=record, validation=validation)


def _cross_entropy(epoch: _Epoch) -> float:
    return epoch.record.validation_cross_entropy


def _check_finite(value: float, what: str, epoch: int) -> None:
    if not math.isfinite(value):
        raise TrialError(
            "trial",
            received=f"a {what} of {value} in epoch {epoch}",
            expected="a finite number",
            remedy="lower learning_rate, or the upper end of its range",
        )
