"""A course put together as it is stored."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.backbones.cut import ParameterCounts
from sweep.records import EpochRecord, IndexArray, Measurement, Moment, Side
from sweep.training.course import PRUNED, Course, Evaluated
from sweep.training.evaluation import Evaluation, evaluate
from sweep.training.measurement import Cost, measure
from sweep.training.modes import Subject, SwitchedModel
from sweep.training.seeds import TrialSeeds
from sweep.training.switching import switches_of
from sweep.training.task import Task

TASK = Task(
    labels=np.array([0, 0, 0, 1, 0, 1]),
    train=np.array([0, 1, 2, 3]),
    validation=np.array([4, 5]),
    developed=np.arange(6),
    probe=np.array([0, 3]),
    num_classes=2,
)


class OwnStep(keras.Model):  # type: ignore[misc]
    """Trains in a way of its own."""

    def train_step(self, data: object) -> dict[str, float]:
        raise NotImplementedError


class ConstantRun:
    """Says class 0 of everything, with an even chance."""

    name = "constant"

    def __init__(self, kind: type[keras.Model] = keras.Model) -> None:
        inputs = keras.Input((1,))
        self._model = kind(inputs, keras.layers.Dense(2, kernel_initializer="zeros")(inputs))

    def logits(self, images: IndexArray) -> NDArray[np.float32]:
        return np.zeros((len(images), 2), np.float32)

    def penalty(self) -> float:
        return 0.25

    @property
    def subject(self) -> Subject:
        return Subject(
            model=SwitchedModel(self._model),
            switches=switches_of(self._model, augmented=False),
            clean=lambda images: keras.ops.zeros((len(images), 1)),
            augmented=None,
            views=0,
            at_once=4,
            cheap=True,
        )


def record(epoch: int) -> EpochRecord:
    return EpochRecord(
        epoch=epoch,
        logged_train_accuracy=0.1 * epoch,
        logged_train_loss=2.0 / epoch,
        logged_penalty=0.5 / epoch,
        logged_weighting=-0.1 * epoch,
        logged_validation_accuracy=0.3 * epoch,
        logged_validation_loss=4.0 / epoch,
        train_accuracy=0.5,
        train_cross_entropy=0.5,
        validation_accuracy=0.5,
        validation_cross_entropy=0.5,
        learning_rate=0.1,
        seconds=1.0,
    )


def evaluation(margin: float, images: IndexArray) -> Evaluation:
    """The first image is class 0 by that margin, the second undecided."""
    return evaluate(np.array([[margin, 0], [0, 0]], np.float32), TASK.labels[images])


def evaluated(margin: float) -> Evaluated:
    return Evaluated(probe=evaluation(-margin, TASK.probe), validation=evaluation(margin, TASK.validation))


def measured(
    *, stopped: str = "early stopping", thorough: bool = False, kind: type[keras.Model] = keras.Model
) -> Measurement:
    course = Course(
        epochs=tuple(map(record, (1, 2, 3))), selected=2, kept=evaluated(9.0), last=evaluated(-9.0), stopped=stopped
    )
    return measure(
        ConstantRun(kind),  # type: ignore[arg-type]  # a measurement never trains
        TASK,
        course,
        batch_size=2,
        seeds=TrialSeeds.of((1,)),
        cost=Cost(parameters=ParameterCounts(trainable=7, total=11), cut="top", start=0.0, compile_seconds=0.5),
        thorough=thorough,
    )


def test_numbers_are_of_the_selected_epoch_and_train_is_measured_in_full() -> None:
    found = measured()
    assert (found.selected_epoch, found.epochs_run, found.stopped) == (2, 3, "early stopping")
    assert (found.logged_train_accuracy, found.logged_train_loss) == (0.2, 1.0)
    assert (found.logged_penalty, found.logged_weighting) == (0.25, -0.2)
    assert (found.logged_validation_accuracy, found.logged_validation_loss) == (0.6, 2.0)
    assert (found.train_accuracy, found.train_balanced_accuracy) == (0.75, 0.5)
    assert found.train_cross_entropy == pytest.approx(np.log(2))
    assert (found.validation_accuracy, found.validation_balanced_accuracy) == (0.5, 0.5)
    assert found.validation_cross_entropy == pytest.approx((np.log1p(np.exp(-9)) + np.log(2)) / 2)
    assert (found.train_images, found.validation_images) == (4, 2)
    assert (found.penalty, found.engine, found.cut) == (0.25, "constant", "top")
    assert (found.trainable_parameters, found.total_parameters) == (7, 11)


def test_the_probe_and_validation_are_kept_at_two_epochs() -> None:
    kept = {(one.side, one.moment): one.predicted.tolist() for one in measured().predictions}
    assert kept == {
        (Side.PROBE, Moment.SELECTED): [1, 0],
        (Side.PROBE, Moment.LAST): [0, 0],
        (Side.VALIDATION, Moment.SELECTED): [0, 0],
        (Side.VALIDATION, Moment.LAST): [1, 0],
    }


def test_logits_are_kept_of_thorough_trials_alone() -> None:
    assert all(one.logits is None for one in measured().predictions)
    selected = measured(thorough=True).predictions[1]
    assert selected.side is Side.VALIDATION
    assert selected.logits is not None
    assert selected.logits.tolist() == [[9, 0], [0, 0]]


def test_a_finished_trial_has_its_modes_and_others_say_why_not() -> None:
    finished = measured()
    assert (len(finished.modes), finished.modes_reason) == (3, "")
    assert len(measured(stopped=PRUNED).modes) == 3
    foreign = measured(kind=OwnStep)
    assert (foreign.modes, foreign.modes_reason) == ((), "the model has a train_step of its own")
