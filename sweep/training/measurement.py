"""A course that has ended, as the measurement that is stored."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sweep.backbones.cut import ParameterCounts
from sweep.records import IndexArray, Measurement, ModeRecord, Moment, PredictionRecord, Side
from sweep.training.course import PRUNED, Course
from sweep.training.evaluation import Evaluation, evaluate
from sweep.training.modes import Subject, measure_modes
from sweep.training.seeds import TrialSeeds
from sweep.training.switching import why_unswitchable
from sweep.training.task import Task

__all__ = ["Cost", "Trained", "measure"]

_TOO_DEAR = "the trial was pruned, and its modes would have taken long"


class Trained(Protocol):
    """What has been trained, on whatever path; a `Run` is one."""

    name: str

    def logits(self, images: IndexArray) -> NDArray[np.float32]:
        """Clean logits of images of the index, shape (n_images, num_classes)."""
        ...

    @property
    def subject(self) -> Subject:
        """What is evaluated in modes."""
        ...

    def penalty(self) -> float:
        """The penalty on the kernels at the present weights."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a trial was made of, and its time.

    Attributes:
        parameters: of the whole model.
        cut: name of the tensor at which the frozen prefix ends.
        start: when the trial began, by `time.perf_counter`.
        compile_seconds: what compiling took.
    """

    parameters: ParameterCounts
    cut: str
    start: float
    compile_seconds: float


def measure(
    run: Trained,
    task: Task,
    course: Course,
    *,
    batch_size: int,
    seeds: TrialSeeds,
    cost: Cost,
    thorough: bool,
    unswitchable: str = "",
) -> Measurement:
    """Evaluate the whole training set at the selected weights, in every mode, and put everything together.

    Args:
        run: has the weights of the selected epoch.
        task: what was learnt.
        course: of at least one epoch.
        batch_size: in training.
        seeds: of the trial.
        cost: of the trial.
        thorough: whether logits are kept, and modes that cost much are measured too.
        unswitchable: why modes would not show what training did, where the caller knows, as a clause.
    """
    train = evaluate(run.logits(task.train), task.labels[task.train])
    modes: tuple[ModeRecord, ...] = ()
    modes_reason = unswitchable
    if not unswitchable:
        modes, modes_reason = _modes(run, task, course, train, batch_size=batch_size, seeds=seeds, thorough=thorough)
    return Measurement(
        **_numbers(train, course),
        selected_epoch=course.selected,
        epochs_run=len(course.epochs),
        stopped=course.stopped,
        penalty=run.penalty() + course.kept.activity,
        train_images=len(task.train),
        validation_images=len(task.validation),
        trainable_parameters=cost.parameters.trainable,
        total_parameters=cost.parameters.total,
        engine=run.name,
        cut=cost.cut,
        epochs=course.epochs,
        predictions=_predictions(course, with_logits=thorough),
        modes=modes,
        modes_reason=modes_reason,
        compile_seconds=cost.compile_seconds,
        seconds=time.perf_counter() - cost.start,
    )


def _numbers(train: Evaluation, course: Course) -> dict[str, Any]:
    """Field -> value, a float, of what is clean of both sides and of what was logged, at the selected epoch."""
    validation, record = course.kept.validation, course.epochs[course.selected - 1]
    return {
        "train_accuracy": train.accuracy,
        "train_cross_entropy": train.cross_entropy,
        "train_balanced_accuracy": train.balanced_accuracy,
        "validation_accuracy": validation.accuracy,
        "validation_cross_entropy": validation.cross_entropy,
        "validation_cross_entropy_error": validation.cross_entropy_error,
        "validation_balanced_accuracy": validation.balanced_accuracy,
        "logged_train_accuracy": record.logged_train_accuracy,
        "logged_train_loss": record.logged_train_loss,
        "logged_penalty": record.logged_penalty,
        "logged_weighting": record.logged_weighting,
        "logged_validation_accuracy": record.logged_validation_accuracy,
        "logged_validation_loss": record.logged_validation_loss,
    }


def _modes(
    run: Trained, task: Task, course: Course, train: Evaluation, *, batch_size: int, seeds: TrialSeeds, thorough: bool
) -> tuple[tuple[ModeRecord, ...], str]:
    """Modes, or why there are none."""
    subject = run.subject
    reason = why_unswitchable(subject.model.model)
    if reason:
        return (), reason
    if course.stopped == PRUNED and not subject.cheap:
        return (), _TOO_DEAR
    modes = measure_modes(subject, task, train, batch_size=batch_size, seed=seeds.modes, thorough=thorough)
    return modes, ""


def _predictions(course: Course, *, with_logits: bool) -> tuple[PredictionRecord, ...]:
    return tuple(
        evaluation.record(side, moment, with_logits=with_logits)
        for moment, evaluated in ((Moment.SELECTED, course.kept), (Moment.LAST, course.last))
        for side, evaluation in ((Side.PROBE, evaluated.probe), (Side.VALIDATION, evaluated.validation))
    )
