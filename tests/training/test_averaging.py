"""Trainings of a cross-validation as one measurement, worked out by hand for two small folds."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from sweep.diagnosis.waterfall import waterfall
from sweep.records import (
    EpochRecord,
    IndexArray,
    Measurement,
    ModeRecord,
    Moment,
    PredictionRecord,
    Side,
    SplitIndices,
)
from sweep.training.averaging import averaged


def indices(*positions: int) -> IndexArray:
    return np.array(positions, np.int64)


# Images 0 to 3 of class 0 and 4 and 5 of class 1; image 5 is sealed. Fold 1 has three images, fold 2 two of them.
LABELS = indices(0, 0, 0, 0, 1, 1)
SPLIT = SplitIndices(
    train=indices(), validation=indices(0, 1, 2, 3, 4), test=indices(5), folds=(indices(0, 3, 4), indices(1, 2))
)


def epoch(number: int, value: float) -> EpochRecord:
    """Every number is `value`, but for the time."""
    return EpochRecord(
        epoch=number,
        logged_train_accuracy=value,
        logged_train_loss=value,
        logged_penalty=value,
        logged_weighting=value,
        logged_validation_accuracy=value,
        logged_validation_loss=value,
        train_accuracy=value,
        train_cross_entropy=value,
        validation_accuracy=value,
        validation_cross_entropy=value,
        learning_rate=1e-3,
        seconds=2.0,
    )


def mode(accuracy: float, *, noise: float, change: float, dropout: bool = True, unchanged: str = "") -> ModeRecord:
    return ModeRecord(
        dropout=dropout,
        augmentation=True,
        batch_statistics=True,
        accuracy=accuracy,
        cross_entropy=2 * accuracy,
        accuracy_noise=noise,
        cross_entropy_noise=2 * noise,
        accuracy_change_error=change,
        cross_entropy_change_error=2 * change,
        draws=4,
        unchanged=unchanged,
    )


def predictions(side: Side, predicted: list[int], nats: list[float], *, logits: bool) -> tuple[PredictionRecord, ...]:
    return tuple(
        PredictionRecord(
            side=side,
            moment=moment,
            predicted=np.array(predicted, np.uint16),
            cross_entropy=np.array([shift + value for value in nats], np.float16),
            logits=np.array([[value, -value] for value in nats], np.float16) if logits else None,
        )
        for moment, shift in ((Moment.SELECTED, 0.0), (Moment.LAST, 8.0))
    )


def part(
    value: float, predicted: list[int], nats: list[float], *, train: int, logits: bool = True, **changes: object
) -> Measurement:
    """A training whose means are all `value`, but for those of its validation predictions."""
    measurement = Measurement(
        selected_epoch=1,
        epochs_run=1,
        stopped="finished",
        train_accuracy=value,
        train_cross_entropy=value,
        validation_accuracy=value,
        validation_cross_entropy=float(np.mean(nats)),
        validation_cross_entropy_error=0.1,
        train_balanced_accuracy=value,
        validation_balanced_accuracy=value,
        logged_train_accuracy=value,
        logged_train_loss=value,
        logged_penalty=value,
        logged_weighting=value,
        logged_validation_accuracy=value,
        logged_validation_loss=value,
        penalty=value,
        train_images=train,
        validation_images=len(nats),
        trainable_parameters=10,
        total_parameters=20,
        engine="fused",
        cut="top",
        seconds=3.0,
        compile_seconds=1.0,
        epochs=(epoch(1, value),),
        predictions=(
            *predictions(Side.PROBE, [0], [0.0], logits=logits),
            *predictions(Side.VALIDATION, predicted, nats, logits=logits),
        ),
        modes=(mode(value, noise=value, change=value),),
    )
    return replace(measurement, **changes)  # type: ignore[arg-type]


# On fold 1 images 0 and 3 are right and 4 is wrong, on fold 2 image 2 is wrong.
FIRST = part(0.2, [0, 0, 0], [1.0, 2.0, 6.0], train=2)
SECOND = part(0.7, [0, 1], [3.0, 3.0], train=3)


def whole(*parts: Measurement, pruned: bool = False, split: SplitIndices = SPLIT) -> Measurement:
    return averaged(parts or (FIRST, SECOND), split, LABELS, pruned=pruned)


def test_train_numbers_are_weighted_by_training_images() -> None:
    found = whole()
    # (2 · 0.2 + 3 · 0.7) / 5
    for value in (
        found.train_accuracy,
        found.train_cross_entropy,
        found.train_balanced_accuracy,
        found.logged_train_accuracy,
        found.logged_train_loss,
        found.logged_penalty,
        found.logged_weighting,
    ):
        assert value == pytest.approx(0.5)


def test_validation_numbers_are_those_of_all_out_of_fold_predictions_together() -> None:
    found = whole()
    # (3 · 0.2 + 2 · 0.7) / 5
    assert found.validation_accuracy == pytest.approx(0.4)
    assert found.logged_validation_accuracy == pytest.approx(0.4)
    assert found.logged_validation_loss == pytest.approx(0.4)
    assert found.penalty == pytest.approx(0.4)
    assert found.validation_cross_entropy == pytest.approx((1 + 2 + 6 + 3 + 3) / 5)
    # Of class 0, images 0, 1 and 3 of four are right; of class 1 the only one is wrong.
    assert found.validation_balanced_accuracy == pytest.approx((3 / 4 + 0) / 2)
    # Squares of the deviations from 3: 4 + 1 + 9.
    assert found.validation_cross_entropy_error == pytest.approx(math.sqrt(14 / 4 / 5))


@pytest.mark.parametrize("images", [106, 141, 530])
def test_always_right_is_never_more_than_that(images: int) -> None:
    """The shares of 22, 21, 21, 21 and 21 images sum to 1.0000000000000002; logged validation images are augmented."""
    folds = tuple(np.arange(start, images, 5) for start in range(5))
    split = SplitIndices(train=indices(), validation=np.arange(images), test=indices(), folds=folds)
    parts = [
        part(1.0, [0] * size, [0.25] * size, train=images - size, logged_validation_loss=1.5, penalty=0.0)
        for size in map(len, folds)
    ]
    found = averaged(parts, split, np.zeros(images, np.int64), pruned=False)
    (epoch_of_all,), (mode_of_all,) = found.epochs, found.modes
    logged = (found.logged_train_accuracy, found.logged_validation_accuracy, epoch_of_all.logged_validation_accuracy)
    clean = (found.train_accuracy, found.validation_accuracy, epoch_of_all.train_accuracy)
    balanced = (found.train_balanced_accuracy, found.validation_balanced_accuracy)
    for value in (*logged, *clean, *balanced, epoch_of_all.validation_accuracy, mode_of_all.accuracy):
        assert value <= 1
        assert value == pytest.approx(1)
    # Without predictions the folds' rounded mean size counts: 5 · 21, 5 · 28, 5 · 106.
    for stored, n in ((found.predictions[0], images), (None, images - 1 if images < 500 else images)):
        taken = waterfall(found, "accuracy", validation=stored, labels=np.zeros(images, np.int64), images=images)
        clean_gap, pipeline = taken.terms[-2:]
        assert (pipeline.name, pipeline.interval.estimate, pipeline.unchanged) == ("validation_pipeline", 0, "")
        # Wilson's interval of n of n begins at n / (n + z²).
        assert clean_gap.interval.high == pytest.approx(1 - n / (n + 3.841459), abs=1e-8)


def test_sizes_are_means_and_times_are_sums() -> None:
    found = whole()
    # 2.5 images of each side, but never more than the five that there are.
    assert (found.train_images, found.validation_images, found.folds) == (2, 3, 2)
    assert (found.seconds, found.compile_seconds) == (6.0, 2.0)
    assert (found.engine, found.cut, found.trainable_parameters, found.total_parameters) == ("fused", "top", 10, 20)


def test_a_training_that_stopped_earlier_stays_where_it_stopped() -> None:
    longer = replace(
        SECOND, epochs=(epoch(1, 0.7), epoch(2, 1.2)), epochs_run=2, selected_epoch=2, stopped="early stopping"
    )
    found = whole(FIRST, longer)
    assert [record.epoch for record in found.epochs] == [1, 2]
    assert [record.train_accuracy for record in found.epochs] == pytest.approx([0.5, (2 * 0.2 + 3 * 1.2) / 5])
    assert [record.validation_accuracy for record in found.epochs] == pytest.approx([0.4, (3 * 0.2 + 2 * 1.2) / 5])
    assert [record.seconds for record in found.epochs] == [4.0, 2.0]
    assert [record.learning_rate for record in found.epochs] == pytest.approx([1e-3, 1e-3])
    assert (found.epochs_run, found.selected_epoch, found.stopped) == (2, 2, "early stopping")  # 1.5 is rounded up


def test_predictions_stand_in_the_order_of_the_index_without_probes() -> None:
    selected, last = whole().predictions
    assert (selected.side, selected.moment, last.moment) == (Side.VALIDATION, Moment.SELECTED, Moment.LAST)
    assert selected.predicted.tolist() == [0, 0, 1, 0, 0]
    assert selected.cross_entropy.tolist() == [1.0, 3.0, 3.0, 2.0, 6.0]
    assert last.cross_entropy.tolist() == [9.0, 11.0, 11.0, 10.0, 14.0]
    assert selected.logits is not None
    assert selected.logits[:, 1].tolist() == [-1.0, -3.0, -3.0, -2.0, -6.0]
    assert selected.predicted.dtype == np.uint16
    assert selected.cross_entropy.dtype == selected.logits.dtype == np.float16


def test_logits_are_kept_where_every_training_has_them() -> None:
    assert whole(FIRST, part(0.7, [0, 1], [3.0, 3.0], train=3, logits=False)).predictions[0].logits is None


def test_repetitions_follow_one_another_and_an_image_counts_once() -> None:
    split = replace(SPLIT, folds=(*SPLIT.folds, indices(2, 4), indices(0, 1, 3)))
    third, fourth = part(0.5, [1, 1], [1.0, 2.0], train=3), part(0.5, [0, 0, 0], [3.0, 5.0, 4.0], train=2)
    found = whole(FIRST, SECOND, third, fourth, split=split)
    assert found.folds == 4
    assert found.predictions[0].predicted.tolist() == [0, 0, 1, 0, 0, 0, 0, 1, 0, 1]
    assert found.predictions[0].cross_entropy.tolist() == [1.0, 3.0, 3.0, 2.0, 6.0, 3.0, 5.0, 1.0, 4.0, 2.0]
    # Means of both repetitions: 2, 4, 2, 3, 4 with the mean 3.
    assert found.validation_cross_entropy_error == pytest.approx(math.sqrt((1 + 1 + 1 + 0 + 1) / 4 / 5))


def test_a_pruned_trial_has_the_numbers_of_its_folds_and_no_predictions() -> None:
    found = whole(FIRST, pruned=True)
    assert (found.stopped, found.folds, found.predictions) == ("pruned", 1, ())
    assert (found.validation_accuracy, found.train_accuracy) == pytest.approx((0.2, 0.2))
    assert found.validation_cross_entropy == pytest.approx(3.0)
    # Squares of the deviations from 3: 4 + 1 + 9.
    assert found.validation_cross_entropy_error == pytest.approx(math.sqrt(14 / 2 / 3))


def test_modes_average_and_only_the_noise_of_the_draws_shrinks() -> None:
    (found,) = whole().modes
    assert (found.accuracy, found.cross_entropy) == pytest.approx((0.5, 1.0))
    noise = math.hypot(2 * 0.2, 3 * 0.7) / 5
    assert (found.accuracy_noise, found.cross_entropy_noise) == pytest.approx((noise, 2 * noise))
    assert (found.accuracy_change_error, found.cross_entropy_change_error) == pytest.approx((0.5, 1.0))
    assert found.draws == 4


def test_only_modes_that_every_training_has_are_averaged() -> None:
    other = mode(0.7, noise=0.0, change=0.0, dropout=False, unchanged="no dropout")
    assert [one.dropout for one in whole(FIRST, replace(SECOND, modes=(other, *SECOND.modes))).modes] == [True]


def test_modes_that_one_training_lacks_are_lacking_for_its_reason() -> None:
    found = whole(FIRST, replace(SECOND, modes=(), modes_reason="it cannot be switched"))
    assert (found.modes, found.modes_reason) == ((), "it cannot be switched")


def test_the_parts_of_the_losses_still_add_up() -> None:
    """Train loss = rest + penalty + weighting, validation loss = cross-entropy + penalty, in each fold and together."""
    first = replace(
        FIRST, logged_train_loss=1.0, logged_penalty=0.3, logged_weighting=-0.1, logged_validation_loss=3.4, penalty=0.4
    )
    second = replace(
        SECOND, logged_train_loss=2.0, logged_penalty=0.5, logged_weighting=0.2, logged_validation_loss=3.1, penalty=0.1
    )
    found = whole(first, second)
    plain = (2 * (1.0 - 0.3 + 0.1) + 3 * (2.0 - 0.5 - 0.2)) / 5
    assert found.logged_train_loss - found.logged_penalty - found.logged_weighting == pytest.approx(plain)
    assert found.logged_validation_loss == pytest.approx(found.validation_cross_entropy + found.penalty)
