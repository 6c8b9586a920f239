"""Selection, early stopping and pruning on hand-written curves; nothing is trained."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.errors import TrialError
from sweep.records import EpochRecord, IndexArray, SplitIndices
from sweep.studyfile.definition import TrainingSettings
from sweep.training.course import Course, LoggedEpoch, Reporter
from sweep.training.epochs import follow
from sweep.training.modes import Subject, SwitchedModel
from sweep.training.seeds import TrialSeeds
from sweep.training.switching import switches_of
from sweep.training.task import Batches, Task

LABELS = np.zeros(20, np.int64)
SPLIT = SplitIndices(train=np.arange(12), validation=np.arange(12, 16), test=np.arange(16, 20))
TASK = Task.of(LABELS, SPLIT, 2)


def subject_of(layer: keras.layers.Layer) -> Subject:
    """A layer over one feature of each image, its position."""
    model = keras.Sequential([keras.Input((1,)), layer])
    return Subject(
        model=SwitchedModel(model),
        switches=switches_of(model, augmented=False),
        clean=lambda images: keras.ops.convert_to_tensor(images[:, None].astype(np.float32)),
        augmented=lambda rows: keras.ops.convert_to_tensor(-rows[:, None].astype(np.float32)),
        views=0,
        at_once=3,
        cheap=True,
    )


class ScriptedRun:
    """Has a cross-entropy on every image that the script sets for each epoch; its weights are the epoch's number."""

    name = "scripted"

    def __init__(self, curve: Sequence[float], loss: float = 1.0) -> None:
        self.epoch = 0
        self.drawn: list[Batches] = []
        self.phases: list[tuple[int, bool]] = []
        self.viewed: list[IndexArray] = []
        self._curve = curve
        self._loss = loss

    def begin_phase(self, *, head_only: bool) -> None:
        self.phases.append((self.epoch, head_only))

    def run_epoch(self, batches: Batches) -> LoggedEpoch:
        self.epoch += 1
        self.drawn.append(batches)
        return LoggedEpoch(accuracy=0.5, loss=self._loss, penalty=0.3, weighting=-0.1)

    def logits(self, images: IndexArray) -> NDArray[np.float32]:
        # Cross-entropy c of the first of two classes: the other one's logit is ln(e^c − 1).
        other = math.log(math.expm1(self._curve[self.epoch - 1]))
        return np.tile(np.array([0.0, other], np.float32), (len(images), 1))

    def view_logits(self, rows: IndexArray) -> NDArray[np.float32]:
        """Of augmented images it always says the second class, for sure."""
        self.viewed.append(rows)
        return np.tile(np.array([0.0, 20.0], np.float32), (len(rows), 1))

    @property
    def subject(self) -> Subject:
        return subject_of(keras.layers.Dense(2))

    def penalty(self) -> float:
        return 0.25

    def weights(self) -> list[NDArray[Any]]:
        return [np.array(self.epoch)]

    def restore(self, weights: Sequence[NDArray[Any]]) -> None:
        self.epoch = int(weights[0])


def course_of(run: ScriptedRun, reporter: Reporter, *, views: int = 0, **settings: object) -> Course:
    chosen = TrainingSettings.model_validate({"batch_size": 5, "patience": 0, **settings})
    return follow(run, TASK, chosen, views=views, seeds=TrialSeeds.of((1,)), reporter=reporter)


def test_the_epoch_of_least_validation_cross_entropy_is_kept(reporter: Reporter, heard: list[EpochRecord]) -> None:
    run = ScriptedRun([0.9, 0.4, 0.6, 0.4])
    course = course_of(run, reporter, epochs=4)
    assert (course.selected, len(course.epochs), course.stopped) == (2, 4, "finished")
    assert run.epoch == 2  # its weights are back
    assert course.kept.validation.cross_entropy == pytest.approx(0.4, rel=1e-6)
    assert course.last.validation.cross_entropy == pytest.approx(0.4, rel=1e-6)
    assert tuple(heard) == course.epochs
    assert [record.epoch for record in heard] == [1, 2, 3, 4]
    assert heard[2].validation_cross_entropy == pytest.approx(0.6, rel=1e-6)


def test_the_last_epoch_is_kept_where_asked(reporter: Reporter) -> None:
    run = ScriptedRun([0.9, 0.4, 0.6])
    course = course_of(run, reporter, epochs=3, keep="last")
    assert (course.selected, run.epoch) == (3, 3)
    assert course.kept is course.last


@pytest.mark.parametrize(("keep", "selected"), [("best", 2), ("last", 4)])
def test_patience_counts_epochs_without_a_lower_value(keep: str, selected: int, reporter: Reporter) -> None:
    course = course_of(ScriptedRun([0.9, 0.4, 0.5, 0.4, 0.1]), reporter, epochs=5, patience=2, keep=keep)
    assert (course.selected, len(course.epochs), course.stopped) == (selected, 4, "early stopping")


@pytest.mark.parametrize(
    ("curve", "head", "ended"),
    [
        ([0.4, 0.5, 0.6, 0.7, 0.6, 0.5, 0.5], 3, 5),  # two epochs of the second phase
        ([0.4, 0.5, 0.6, 0.3, 0.4, 0.5, 0.5], 3, 6),  # two epochs after the best one
        ([0.4, 0.5, 0.6, 0.7, 0.6, 0.5, 0.5], 7, 3),  # no second phase
    ],
)
def test_patience_does_not_count_while_the_head_trains_alone(
    curve: list[float], head: int, ended: int, reporter: Reporter
) -> None:
    course = course_of(ScriptedRun(curve), reporter, epochs=7, patience=2, head_epochs=head)
    assert (len(course.epochs), course.stopped) == (ended, "early stopping")


def test_patience_that_runs_out_in_the_last_epoch_stopped_nothing(reporter: Reporter) -> None:
    course = course_of(ScriptedRun([0.4, 0.5, 0.6]), reporter, epochs=3, patience=2)
    assert (len(course.epochs), course.stopped) == (3, "finished")


def test_a_pruned_trial_is_left_at_its_best_epoch(stopping_after: Callable[[int], Reporter]) -> None:
    run = ScriptedRun([0.4, 0.5, 0.6, 0.1])
    course = course_of(run, stopping_after(3), epochs=4)
    assert (course.selected, len(course.epochs), course.stopped) == (1, 3, "pruned")
    assert run.epoch == 1


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_no_number_names_its_epoch(loss: float, reporter: Reporter, heard: list[EpochRecord]) -> None:
    with pytest.raises(
        TrialError, match=rf"trial: received a training loss of {loss} in epoch 1;.*lower learning_rate"
    ):
        course_of(ScriptedRun([0.4], loss=loss), reporter, epochs=1)
    assert not heard


def test_every_epoch_has_another_order(reporter: Reporter) -> None:
    run = ScriptedRun([0.9, 0.8])
    course_of(run, reporter, epochs=2)
    first, second = (batches.rows.tolist() for batches in run.drawn)
    assert first != second


def test_each_image_has_one_of_its_views_each_epoch(reporter: Reporter) -> None:
    run = ScriptedRun([0.9] * 6)
    course_of(run, reporter, epochs=6, views=3)
    seen = set()
    for batches in run.drawn:
        rows = batches.rows.reshape(-1)[: batches.examples]
        assert sorted(rows % 16) == list(range(12))  # 16 images are not sealed, 12 of them are trained on
        seen |= set((rows // 16).tolist())
    assert seen == {0, 1, 2}


def test_the_head_trains_first_and_then_all_with_the_optimizer_anew(reporter: Reporter) -> None:
    run = ScriptedRun([0.9, 0.8, 0.7, 0.6])
    course_of(run, reporter, epochs=4, head_epochs=2)
    assert run.phases == [(0, True), (2, False)]
    alone = ScriptedRun([0.9, 0.8])
    course_of(alone, reporter, epochs=2)
    assert alone.phases == []


def test_weights_of_the_first_phase_are_measured_in_its_modes(reporter: Reporter) -> None:
    run = ScriptedRun([0.5, 0.4, 0.7, 0.6])
    assert course_of(run, reporter, epochs=4, head_epochs=2).selected == 2
    assert run.phases == [(0, True), (2, False), (2, True)]
    only = ScriptedRun([0.5, 0.4])
    course_of(only, reporter, epochs=2, head_epochs=2)
    assert only.phases == [(0, True)]


def test_an_epoch_is_recorded_with_the_rate_of_its_last_step(reporter: Reporter, heard: list[EpochRecord]) -> None:
    # 12 images in batches of 5: three steps an epoch.
    course_of(ScriptedRun([0.9, 0.8]), reporter, epochs=2, learning_rate=0.6, schedule="linear")
    assert [record.learning_rate for record in heard] == pytest.approx([0.4, 0.1])


def test_smoothed_labels_are_in_the_logged_validation_loss(reporter: Reporter, heard: list[EpochRecord]) -> None:
    """Cross-entropies of ln 2 and ln 2 of two classes, whatever the share."""
    course_of(ScriptedRun([math.log(2), 0.5]), reporter, epochs=2, label_smoothing=0.4)
    assert heard[0].logged_validation_loss == pytest.approx(math.log(2) + 0.25)
    other = 0.5 - math.log(math.expm1(0.5))  # of the class that it is not: its logit is ln(e^0.5 − 1)
    assert heard[1].logged_validation_loss == pytest.approx(0.8 * 0.5 + 0.2 * other + 0.25, rel=1e-6)
    assert heard[1].validation_cross_entropy == pytest.approx(0.5, rel=1e-6)


class OddRun(ScriptedRun):
    """Says the first class, but of images with odd positions the second one."""

    def logits(self, images: IndexArray) -> NDArray[np.float32]:
        return np.where((images % 2 == 1)[:, None], [[0.0, 9.0]], [[9.0, 0.0]]).astype(np.float32)


def test_few_validation_steps_are_logged_and_all_images_decide(reporter: Reporter, heard: list[EpochRecord]) -> None:
    # Validation is images 12 … 15; one batch of 3 of them has two even positions, and all are of the first class.
    course_of(OddRun([0.9]), reporter, epochs=1, batch_size=3, validation_steps=1)
    assert heard[0].logged_validation_accuracy == pytest.approx(2 / 3)
    assert heard[0].validation_accuracy == 0.5
    course_of(OddRun([0.9]), reporter, epochs=1, batch_size=3, validation_steps=5)
    assert heard[1].logged_validation_accuracy == 0.5


def test_few_validation_steps_take_the_first_augmented_images(reporter: Reporter) -> None:
    run = ScriptedRun([0.9])
    settings = {"batch_size": 3, "validation_steps": 1, "augment_validation": True}
    course_of(run, reporter, epochs=1, views=3, **settings)
    (rows,) = run.viewed
    assert (rows % 16).tolist() == [12, 13, 14]


class Penalised(ScriptedRun):
    """Puts out its input, penalised by a tenth of the square."""

    @property
    def subject(self) -> Subject:
        return subject_of(keras.layers.Activation("linear", activity_regularizer=keras.regularizers.L2(0.1)))


@pytest.mark.parametrize(
    ("settings", "squares"),
    [
        ({}, [12, 13, 14, 15]),
        ({"validation_steps": 2, "batch_size": 1}, [12, 13]),
    ],
)
def test_penalties_on_activities_are_in_the_logged_validation_loss(
    settings: dict[str, object], squares: list[int], reporter: Reporter, heard: list[EpochRecord]
) -> None:
    course = course_of(Penalised([0.9]), reporter, epochs=1, **settings)
    activity = 0.1 * float(np.mean(np.square(squares)))
    assert course.kept.activity == pytest.approx(activity, rel=1e-6)
    assert heard[0].logged_validation_loss == pytest.approx(0.9 + 0.25 + activity, rel=1e-6)
    assert heard[0].validation_cross_entropy == pytest.approx(0.9, rel=1e-6)


def test_activities_of_augmented_images_are_penalised_where_those_are_logged(reporter: Reporter) -> None:
    run = Penalised([0.9])
    course = course_of(run, reporter, epochs=1, views=3, augment_validation=True)
    assert course.kept.activity == pytest.approx(0.1 * float(np.mean(np.square(run.viewed[0]))), rel=1e-6)


def test_what_keras_would_print_is_kept_beside_what_is_clean(reporter: Reporter, heard: list[EpochRecord]) -> None:
    course_of(ScriptedRun([0.9, 0.8]), reporter, epochs=2, views=2)
    (_, record) = heard
    assert (record.logged_train_accuracy, record.logged_train_loss) == (0.5, 1.0)
    assert (record.logged_penalty, record.logged_weighting) == (0.3, -0.1)
    # Validation is not augmented: what is logged is clean, and has the penalty in its loss.
    assert record.logged_validation_accuracy == record.validation_accuracy
    assert record.logged_validation_loss == pytest.approx(0.8 + 0.25, rel=1e-6)


def test_augmented_validation_is_logged_and_the_clean_one_decides(reporter: Reporter, heard: list[EpochRecord]) -> None:
    run = ScriptedRun([0.9, 0.4, 0.6])
    course = course_of(run, reporter, epochs=3, views=3, augment_validation=True)
    assert course.selected == 2
    for record in heard:
        assert record.logged_validation_accuracy == 0
        assert record.logged_validation_loss == pytest.approx(20.25)
    # Images 12 … 15 of the 16 that are not sealed, in another view of the three each epoch.
    assert all((rows % 16).tolist() == [12, 13, 14, 15] and rows.max() < 48 for rows in run.viewed)
    assert len({tuple(rows) for rows in run.viewed}) == 3


def test_views_of_the_validation_side_shift_no_other_random_number(reporter: Reporter) -> None:
    runs = ScriptedRun([0.9] * 3), ScriptedRun([0.9] * 3)
    for run, augmented in zip(runs, (False, True), strict=True):
        course_of(run, reporter, epochs=3, views=3, augment_validation=augmented)
    for one, other in zip(runs[0].drawn, runs[1].drawn, strict=True):
        np.testing.assert_array_equal(one.rows, other.rows)
