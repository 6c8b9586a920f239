"""One epoch after the other, whichever path trains it."""

from __future__ import annotations

import math
import time

import numpy as np

from sweep.errors import TrialError
from sweep.records import EpochRecord, IndexArray
from sweep.studyfile.definition import TrainingSettings
from sweep.training.course import Course, Evaluated, Keeper, Reporter, Run
from sweep.training.evaluation import Evaluation, evaluate
from sweep.training.losses import smoothed
from sweep.training.recalibration import recalibrate
from sweep.training.seeds import TrialSeeds
from sweep.training.stream import Stream
from sweep.training.task import Task

__all__ = ["follow"]


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
    training, keeper = _Training(run, task, settings, views=views, seeds=seeds), Keeper(run, settings, reporter)
    head = settings.head_epochs
    for number in range(1, settings.epochs + 1):
        if head and number in (1, head + 1):
            run.begin_phase(head_only=number == 1)
        if not keeper.add(*training.epoch(number)):
            break
    course = keeper.finish()
    if course.selected <= head < len(course.epochs):
        run.begin_phase(head_only=True)  # the kept weights are measured in the modes that they were trained in
    return course


class _Training:
    """One epoch after the other: trained, recalibrated if asked for, evaluated."""

    def __init__(self, run: Run, task: Task, settings: TrainingSettings, *, views: int, seeds: TrialSeeds) -> None:
        self._run = run
        self._task = task
        self._settings = settings
        self._stream = Stream(task, settings, views=views, seeds=seeds)
        self._recalibrations = np.random.default_rng(seeds.recalibration)

    def epoch(self, number: int) -> tuple[EpochRecord, Evaluated]:
        start = time.perf_counter()
        run, settings, batches = self._run, self._settings, self._stream.batches()
        logged = run.run_epoch(batches)
        _check_finite(logged.loss, "training loss", number)
        if settings.recalibrate:
            size = settings.batch_size
            recalibrate(run.subject, self._task.train, batch_size=size, generator=self._recalibrations)
        probe, validation = self._evaluate(self._task.probe), self._evaluate(self._task.validation)
        _check_finite(validation.cross_entropy, "validation cross-entropy", number)
        seen, activity = self._as_logged(validation)
        record = EpochRecord(
            epoch=number,
            logged_train_accuracy=logged.accuracy,
            logged_train_loss=logged.loss,
            logged_penalty=logged.penalty,
            logged_weighting=logged.weighting,
            logged_validation_accuracy=seen.accuracy,
            logged_validation_loss=smoothed(seen, settings.label_smoothing) + run.penalty() + activity,
            train_accuracy=probe.accuracy,
            train_cross_entropy=probe.cross_entropy,
            validation_accuracy=validation.accuracy,
            validation_cross_entropy=validation.cross_entropy,
            learning_rate=float(batches.rates[-1]),
            seconds=time.perf_counter() - start,
        )
        return record, Evaluated(probe=probe, validation=validation, activity=activity)

    def _evaluate(self, images: IndexArray) -> Evaluation:
        return evaluate(self._run.logits(images), self._task.labels[images])

    def _as_logged(self, clean: Evaluation) -> tuple[Evaluation, float]:
        """The validation side as Keras would see it, and what penalties on activities are there.

        That is its first batches if the settings name a number of them, augmented if asked for.
        """
        run, views = self._run, self._stream.validation_views()
        images = self._task.validation
        images = images[: self._settings.validation_steps * self._settings.batch_size or len(images)]
        labels = self._task.labels[images]
        if views is None:
            return evaluate(clean.logits[: len(images)], labels), run.subject.activity(images)
        rows = views[: len(images)]
        return evaluate(run.view_logits(rows), labels), run.subject.activity(rows, augmented=True)


def _check_finite(value: float, what: str, epoch: int) -> None:
    if not math.isfinite(value):
        raise TrialError(
            "trial",
            received=f"a {what} of {value} in epoch {epoch}",
            expected="a finite number",
            remedy="lower learning_rate, or the upper end of its range",
        )
