"""A course that has ended, as the measurement that is stored."""

from __future__ import annotations

import time

from sweep.backbones.cut import ParameterCounts
from sweep.records import Measurement, Moment, PredictionRecord, Split
from sweep.training.course import Course, Run
from sweep.training.evaluation import Evaluation, evaluate
from sweep.training.task import Task

__all__ = ["measure"]


def measure(
    run: Run,
    task: Task,
    course: Course,
    *,
    parameters: ParameterCounts,
    cut: str,
    start: float,
    compile_seconds: float,
) -> Measurement:
    """Evaluate the whole training set at the selected weights and put everything together.

    Args:
        run: has the weights of the selected epoch.
        task: what was learnt.
        course: of at least one epoch.
        parameters: of the whole model.
        cut: name of the tensor at which the frozen prefix ends.
        start: when the trial began, by `time.perf_counter`.
        compile_seconds: what compiling took.
    """
    train = evaluate(run.logits(task.train), task.labels[task.train])
    selected, record = course.validation, course.epochs[course.selected - 1]
    return Measurement(
        selected_epoch=course.selected,
        epochs_run=len(course.epochs),
        stopped=course.stopped,
        train_accuracy=train.accuracy,
        train_cross_entropy=train.cross_entropy,
        validation_accuracy=selected.accuracy,
        validation_cross_entropy=selected.cross_entropy,
        validation_cross_entropy_error=selected.standard_error,
        logged_train_accuracy=record.logged_train_accuracy,
        logged_train_loss=record.logged_train_loss,
        penalty=run.penalty(),
        train_images=len(task.train),
        validation_images=len(task.validation),
        trainable_parameters=parameters.trainable,
        total_parameters=parameters.total,
        engine=run.name,
        cut=cut,
        epochs=tuple(course.epochs),
        predictions=_predictions(train, selected, course.last),
        compile_seconds=compile_seconds,
        seconds=time.perf_counter() - start,
    )


def _predictions(train: Evaluation, selected: Evaluation, last: Evaluation) -> tuple[PredictionRecord, ...]:
    return (
        train.record(Split.TRAIN, Moment.SELECTED),
        selected.record(Split.VALIDATION, Moment.SELECTED),
        last.record(Split.VALIDATION, Moment.LAST),
    )
