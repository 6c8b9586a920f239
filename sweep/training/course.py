"""The course of a trial: who trains, who hears of it, what is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sweep.records import EpochRecord, IndexArray
from sweep.studyfile.definition import TrainingSettings
from sweep.training.evaluation import Evaluation
from sweep.training.modes import Subject
from sweep.training.task import Batches

__all__ = [
    "PRUNED",
    "Course",
    "Evaluated",
    "Keeper",
    "KeepsWeights",
    "LoggedEpoch",
    "Reporter",
    "Run",
    "Unpruned",
]

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


class KeepsWeights(Protocol):
    """A model whose weights can be taken and put back."""

    def weights(self) -> list[NDArray[Any]]:
        """A copy of the weights."""
        ...

    def restore(self, weights: Sequence[NDArray[Any]]) -> None:
        """Put weights back."""
        ...


class Run(KeepsWeights, Protocol):
    """A model set to the start of a trial, and the features or images that it is trained on."""

    name: str

    def begin_phase(self, *, head_only: bool) -> None:
        """From here on the head alone trains, or all that is unfrozen, by an optimizer that starts anew."""
        ...

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
        """The penalty on the kernels at the present weights."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evaluated:
    """The clean evaluations at the end of an epoch.

    Attributes:
        probe: of the training images that are measured each epoch.
        validation: of the whole side.
        activity: what penalties on activities add to the logged validation loss, nats.
    """

    probe: Evaluation
    validation: Evaluation
    activity: float = 0.0


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


class Keeper:
    """Decides after each epoch whether the trial goes on, and keeps the weights that it ends with.

    Where the head trains alone at first and more trains then, patience begins to count with that second phase.

    Args:
        run: whose weights are kept.
        settings: epochs, patience and what to keep.
        reporter: hears of every epoch.
    """

    def __init__(self, run: KeepsWeights, settings: TrainingSettings, reporter: Reporter) -> None:
        self._run = run
        self._settings = settings
        self._reporter = reporter
        self._patient_from = settings.head_epochs if settings.head_epochs < settings.epochs else 0
        self._records: list[EpochRecord] = []
        self._best: _Best | None = None
        self._last: Evaluated | None = None
        self._stopped = FINISHED

    def add(self, record: EpochRecord, evaluated: Evaluated) -> bool:
        """Take the next epoch, counted from 1; True: go on, if there are epochs left."""
        settings, number = self._settings, record.epoch
        self._records.append(record)
        self._last = evaluated
        if self._best is None or evaluated.validation.cross_entropy < self._best.evaluated.validation.cross_entropy:
            weights = self._run.weights() if settings.keep == "best" else None
            self._best = _Best(epoch=number, evaluated=evaluated, weights=weights)
        if not self._reporter.epoch(record):
            self._stopped = PRUNED
        elif 0 < settings.patience <= number - max(self._best.epoch, self._patient_from) and number < settings.epochs:
            self._stopped = EARLY_STOPPING
        return self._stopped == FINISHED

    def finish(self) -> Course:
        """The course of at least one epoch; the run is left with the weights of the selected one."""
        assert self._best is not None
        assert self._last is not None
        last = _Best(epoch=len(self._records), evaluated=self._last, weights=None)
        kept = self._best if self._settings.keep == "best" else last
        if kept.weights is not None and kept.epoch < last.epoch:
            self._run.restore(kept.weights)
        return Course(
            epochs=tuple(self._records),
            selected=kept.epoch,
            kept=kept.evaluated,
            last=last.evaluated,
            stopped=self._stopped,
        )
