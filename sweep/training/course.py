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
from sweep.training.modes import Subject
from sweep.training.seeds import TrialSeeds
from sweep.training.task import Batches, Task, draw_batches

__all__ = ["PRUNED", "Course", "Evaluated", "LoggedEpoch", "Reporter", "Run", "Unpruned", "follow"]

FINISHED, EARLY_STOPPING, PRUNED = "finished", "early stopping", "pruned"


class Reporter(Protocol):
    """Hears of a trial while it runs."""

    def epoch(self, record: EpochRecord) -> bool:
        """Called after each epoch, in order; True: go on, False: the trial is pruned."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedEpoch:
    """What Keras would print of an epoch's training, and two parts of its loss; see `EpochRecord`."""

    accuracy: float
    loss: float
    penalty: float
    weighting: float


class Unpruned:
    """A reporter under which every trial runs to its own end."""

    def epoch(self, record: EpochRecord) -> bool:
        """Go on."""
        return True

    def fold(self, number: int, cross_entropy: float) -> bool:
        """Go on, with folds too."""
        return True


class Run(Protocol):
    """A model set to the start of a trial, and the features or images that it is trained on."""

    name: str

    def run_epoch(self, batches: Batches) -> LoggedEpoch:
        """Train one epoch."""
        ...

    def logits(self, images: IndexArray) -> NDArray[np.float32]:
        """Clean logits of images of the index, shape (n_images, num_classes)."""
        ...

    def view_logits(self, rows: IndexArray) -> NDArray[np.float32]:
        """The same of rows of the table of augmented views, which `Task.draw_views` draws."""
        ...

    @property
    def subject(self) -> Subject:
        """What is evaluated in modes."""
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
class Evaluated:
    """The clean evaluations at the end of an epoch."""

    probe: Evaluation
    validation: Evaluation


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Course:
    """A course that has ended.

    Attributes:
        epochs: one record an epoch.
        selected: the epoch whose weights are kept.
        kept: at that epoch.
        last: after the last epoch.
        stopped: why training ended.
    """

    epochs: tuple[EpochRecord, ...]
    selected: int
    kept: Evaluated
    last: Evaluated
    stopped: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Best:
    epoch: int
    evaluated: Evaluated
    weights: list[NDArray[Any]] | None


def follow(
    run: Run, task: Task, settings: TrainingSettings, *, views: int, seeds: TrialSeeds, reporter: Reporter
) -> Course:
    """Train until the epochs are through, patience has run out or the reporter says stop.

    The run is left with the weights of the selected epoch.

    Args:
        run: set to the start of the trial.
        task: what is to be learnt.
        settings: epochs, batch size, patience and what to keep.
        views: augmented views of each image in the run's table; 0: the table is that of the clean images.
        seeds: of the trial.
        reporter: hears of every epoch.

    Raises:
        TrialError: the loss is no longer a number.
    """
    stream = _Stream(task, settings, views=views, seeds=seeds)
    records: list[EpochRecord] = []
    best: _Best | None = None
    stopped = FINISHED
    for number in range(1, settings.epochs + 1):
        record, evaluated = _train_epoch(run, task, stream, number, settings.learning_rate)
        if best is None or evaluated.validation.cross_entropy < best.evaluated.validation.cross_entropy:
            weights = run.weights() if settings.keep == "best" else None
            best = _Best(epoch=number, evaluated=evaluated, weights=weights)
        records.append(record)
        if not reporter.epoch(record):
            stopped = PRUNED
            break
        if 0 < settings.patience <= number - best.epoch and number < settings.epochs:
            stopped = EARLY_STOPPING
            break
    last = _Best(epoch=len(records), evaluated=evaluated, weights=None)
    kept = best if settings.keep == "best" and best is not None else last
    if kept.weights is not None and kept.epoch < last.epoch:
        run.restore(kept.weights)
    return Course(epochs=tuple(records), selected=kept.epoch, kept=kept.evaluated, last=last.evaluated, stopped=stopped)


class _Stream:
    """What chance decides about one epoch after the other: batches, and views of the validation side."""

    def __init__(self, task: Task, settings: TrainingSettings, *, views: int, seeds: TrialSeeds) -> None:
        self._task = task
        self._batch_size = settings.batch_size
        self._views = views
        self._augments_validation = settings.augment_validation and views > 0
        self._order = np.random.default_rng(seeds.order)
        self._drawn = np.random.default_rng(seeds.views)
        self._drawn_validation = np.random.default_rng(seeds.validation_views)

    def batches(self) -> Batches:
        train = self._task.train
        rows = self._task.draw_views(train, self._views, self._drawn) if self._views else train
        return draw_batches(rows, self._task.labels[train], self._batch_size, self._order)

    def validation_views(self) -> IndexArray | None:
        """Rows of the table of views, or None where validation is not augmented."""
        if not self._augments_validation:
            return None
        return self._task.draw_views(self._task.validation, self._views, self._drawn_validation)


def _train_epoch(
    run: Run, task: Task, stream: _Stream, epoch: int, learning_rate: float
) -> tuple[EpochRecord, Evaluated]:
    start = time.perf_counter()
    logged = run.run_epoch(stream.batches())
    _check_finite(logged.loss, "training loss", epoch)
    probe = evaluate(run.logits(task.probe), task.labels[task.probe])
    validation = evaluate(run.logits(task.validation), task.labels[task.validation])
    _check_finite(validation.cross_entropy, "validation cross-entropy", epoch)
    views = stream.validation_views()
    seen = validation if views is None else evaluate(run.view_logits(views), task.labels[task.validation])
    record = EpochRecord(
        epoch=epoch,
        logged_train_accuracy=logged.accuracy,
        logged_train_loss=logged.loss,
        logged_penalty=logged.penalty,
        logged_weighting=logged.weighting,
        logged_validation_accuracy=seen.accuracy,
        logged_validation_loss=seen.cross_entropy + run.penalty(),
        train_accuracy=probe.accuracy,
        train_cross_entropy=probe.cross_entropy,
        validation_accuracy=validation.accuracy,
        validation_cross_entropy=validation.cross_entropy,
        learning_rate=learning_rate,
        seconds=time.perf_counter() - start,
    )
    return record, Evaluated(probe=probe, validation=validation)


def _check_finite(value: float, what: str, epoch: int) -> None:
    if not math.isfinite(value):
        raise TrialError(
            "trial",
            received=f"a {what} of {value} in epoch {epoch}",
            expected="a finite number",
            remedy="lower learning_rate, or the upper end of its range",
        )
