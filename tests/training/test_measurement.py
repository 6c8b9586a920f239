"""A course put together as it is stored."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.backbones.cut import ParameterCounts
from sweep.records import EpochRecord, IndexArray, Moment, Split
from sweep.training.course import Course
from sweep.training.evaluation import evaluate
from sweep.training.measurement import measure
from sweep.training.task import Task


class ConstantRun:
    """Says class 0 of everything, with an even chance."""

    name = "constant"

    def logits(self, images: IndexArray) -> NDArray[np.float32]:
        return np.zeros((len(images), 2), np.float32)

    def penalty(self) -> float:
        return 0.25


def record(epoch: int) -> EpochRecord:
    return EpochRecord(
        epoch=epoch,
        logged_train_accuracy=0.1 * epoch,
        logged_train_loss=2.0 / epoch,
        train_accuracy=0.5,
        train_cross_entropy=0.5,
        validation_accuracy=0.5,
        validation_cross_entropy=0.5,
        learning_rate=0.1,
        seconds=1.0,
    )


def test_numbers_are_of_the_selected_epoch_and_train_is_measured_in_full() -> None:
    task = Task(
        labels=np.array([0, 0, 0, 1, 0, 1]),
        train=np.array([0, 1, 2, 3]),
        validation=np.array([4, 5]),
        probe=np.array([0, 3]),
        num_classes=2,
    )
    labels = task.labels[task.validation]
    best, last = (evaluate(np.array([[margin, 0], [0, 0]], np.float32), labels) for margin in (9.0, -9.0))
    course = Course(
        epochs=tuple(map(record, (1, 2, 3))), selected=2, validation=best, last=last, stopped="early stopping"
    )
    found = measure(
        ConstantRun(),  # type: ignore[arg-type]  # a measurement never trains
        task,
        course,
        parameters=ParameterCounts(trainable=7, total=11),
        cut="top",
        start=0.0,
        compile_seconds=0.5,
    )
    assert (found.selected_epoch, found.epochs_run, found.stopped) == (2, 3, "early stopping")
    assert (found.logged_train_accuracy, found.logged_train_loss) == (0.2, 1.0)
    assert found.train_accuracy == 0.75
    assert found.train_cross_entropy == pytest.approx(np.log(2))
    assert found.validation_accuracy == 0.5
    assert found.validation_cross_entropy == pytest.approx((np.log1p(np.exp(-9)) + np.log(2)) / 2)
    assert (found.train_images, found.validation_images) == (4, 2)
    assert (found.penalty, found.engine, found.cut) == (0.25, "constant", "top")
    assert (found.trainable_parameters, found.total_parameters) == (7, 11)
    kept = {(one.split, one.moment): one.predicted.tolist() for one in found.predictions}
    assert kept == {
        (Split.TRAIN, Moment.SELECTED): [0, 0, 0, 0],
        (Split.VALIDATION, Moment.SELECTED): [0, 0],
        (Split.VALIDATION, Moment.LAST): [1, 0],
    }
