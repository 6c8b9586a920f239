"""Whole trials."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import pytest

from sweep.backbones.catalog import Backbone
from sweep.errors import TrialError
from sweep.features.extract import Features
from sweep.records import EpochRecord, IndexArray, Measurement, Moment, PredictionRecord, Side, SplitIndices
from sweep.studyfile.definition import Configuration, ModelSettings
from sweep.training import trial
from sweep.training.fused import CompiledStructure
from sweep.training.fused_run import FusedRun
from sweep.training.task import Task
from sweep.training.trial import Library, Reporter, Trainer

Configure = Callable[..., Configuration]


def kept(found: Measurement, side: Side, moment: Moment) -> PredictionRecord:
    (record,) = [one for one in found.predictions if (one.side, one.moment) == (side, moment)]
    return record


def same(one: Measurement, other: Measurement) -> bool:
    """Bit for bit, but for the clock."""
    if one.modes != other.modes:
        return False
    for mine, yours in zip(one.epochs, other.epochs, strict=True):
        if dataclasses.replace(mine, seconds=0.0) != dataclasses.replace(yours, seconds=0.0):
            return False
    return all(
        np.array_equal(mine.predicted, yours.predicted) and np.array_equal(mine.cross_entropy, yours.cross_entropy)
        for mine, yours in zip(one.predictions, other.predictions, strict=True)
    )


def test_a_measurement_is_whole_and_agrees_with_itself(
    trainer: Trainer,
    configure: Configure,
    labels: IndexArray,
    split: SplitIndices,
    reporter: Reporter,
    heard: list[EpochRecord],
) -> None:
    found = trainer.train(configure(head_width=(16,), dropout=0.2, l2=1e-3), seed=(0, 1), reporter=reporter)
    assert found.epochs == tuple(heard)
    assert (found.epochs_run, found.stopped, found.engine) == (3, "finished", "fused")
    assert found.cut == "top_relu, avg pooled"
    assert (found.train_images, found.validation_images) == (70, 30)
    assert found.trainable_parameters == 24 * 16 + 16 + 16 * 3 + 3
    assert found.total_parameters == found.trainable_parameters + 2472

    validation = kept(found, Side.VALIDATION, Moment.SELECTED)
    assert found.validation_accuracy == (validation.predicted == labels[split.validation]).mean()
    assert found.validation_cross_entropy == pytest.approx(float(validation.cross_entropy.mean(dtype=float)), rel=1e-3)
    recalls = [(validation.predicted == label)[labels[split.validation] == label].mean() for label in range(3)]
    assert found.validation_balanced_accuracy == pytest.approx(np.mean(recalls))
    probe = Task.of(labels, split, 3).probe
    assert (len(probe), len(kept(found, Side.PROBE, Moment.SELECTED).predicted)) == (30, 30)
    last = (kept(found, Side.PROBE, Moment.LAST).predicted == labels[probe]).mean()
    assert last == pytest.approx(heard[-1].train_accuracy)
    assert len(found.predictions) == 4
    assert not found.modes_reason
    selected = heard[found.selected_epoch - 1]
    assert selected.validation_cross_entropy == min(record.validation_cross_entropy for record in heard)
    assert found.validation_cross_entropy == selected.validation_cross_entropy
    assert found.logged_train_loss == selected.logged_train_loss
    assert found.logged_penalty == selected.logged_penalty > 0
    assert found.logged_validation_accuracy == found.validation_accuracy
    assert selected.logged_validation_loss == pytest.approx(found.validation_cross_entropy + found.penalty, rel=1e-6)
    assert found.penalty > 0
    assert all(record.learning_rate == pytest.approx(1e-2) for record in heard)


@pytest.mark.parametrize(
    "fields",
    [
        {"head_width": (16,), "dropout": 0.5},
        {"conv_filters": 8, "dropout": 0.3, "dropout_position": "both"},
        {"unfrozen_layers": 8, "batch_norm": "train"},  # drop-connect and moving statistics in it
        {"head_width": (8,), "head_batch_norm": True, "dropout": 0.3, "activity_l2": 0.01, "l1": 1e-3},
        {
            "conv_filters": 4,
            "conv_stride": 2,
            "dropout": 0.3,
            "dropout_kind": "spatial",
            "output": "sigmoid",
            "dropout_position": "both",
            "pooling": "max2d",
            "kernel_initializer": "he_uniform",
        },
        {"weights": "none", "unfrozen_layers": 8, "batch_norm": "train"},  # drawn anew for every seed
    ],
)
def test_the_same_seed_gives_the_same_numbers_whatever_was_trained_before(
    fields: dict[str, object],
    trainer: Trainer,
    library: Library,
    labels: IndexArray,
    split: SplitIndices,
    configure: Configure,
    reporter: Reporter,
) -> None:
    configuration = configure(**fields)
    first = trainer.train(configuration, seed=(0, 1), reporter=reporter)
    other = trainer.train(configuration, seed=(0, 2), reporter=reporter)
    again = trainer.train(configuration, seed=(0, 1), reporter=reporter)
    assert same(first, again)
    assert not same(first, other)
    fresh = Trainer(library=library, labels=labels, split=split, num_classes=3)
    assert same(first, fresh.train(configuration, seed=(0, 1), reporter=reporter))


def test_a_structure_is_compiled_once(
    library: Library,
    labels: IndexArray,
    split: SplitIndices,
    configure: Configure,
    reporter: Reporter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[CompiledStructure] = []

    def count(*arguments: object) -> CompiledStructure:
        made.append(CompiledStructure(*arguments))  # type: ignore[arg-type]
        return made[-1]

    monkeypatch.setattr(trial, "CompiledStructure", count)
    trainer = Trainer(library=library, labels=labels, split=split, num_classes=3)
    fields = {"unfrozen_layers": 3, "dropout": 0.5, "epochs": 1}
    losses: tuple[dict[str, object], ...] = ({"label_smoothing": 0.1, "schedule": "cosine"}, {"decay": 0.1})
    for changed in ({}, {"dropout": 0.1}, {"l2": 0.1}, {"learning_rate": 1e-3}, {"batch_size": 8}, *losses):
        trainer.train(configure(**{**fields, **changed}), seed=(0, 1), reporter=reporter)
    assert len(made) == 1
    assert made[0].epoch.experimental_get_tracing_count() == 1  # type: ignore[attr-defined]
    assert made[0].logits.experimental_get_tracing_count() == 1  # type: ignore[attr-defined]


def test_settings_that_are_variables_have_their_effect(
    trainer: Trainer, configure: Configure, reporter: Reporter
) -> None:
    """Each changes the loss of the first epoch, though none changes the compiled code."""

    def loss(**changed: object) -> float:
        configuration = configure(**{"head_width": (16,), "dropout": 0.5, "epochs": 1, **changed})
        return trainer.train(configuration, seed=(0, 1), reporter=reporter).epochs[0].logged_train_loss

    losses = [
        loss(), loss(dropout=0.1), loss(l1=0.1), loss(l2=0.1), loss(learning_rate=1e-3), loss(batch_size=8),
        loss(activity_l2=0.01), loss(activity_l2=0.1), loss(label_smoothing=0.1), loss(schedule="cosine"),
    ]  # fmt: skip
    assert len(set(losses)) == 10


def test_activities_and_kernels_are_in_both_losses_as_keras_has_it(
    trainer: Trainer, configure: Configure, reporter: Reporter
) -> None:
    fields = {"head_width": (8,), "epochs": 1, "activity_l2": 0.1, "optimizer": "sgd", "learning_rate": 1e-9}
    alone = trainer.train(configure(**fields), seed=(0, 1), reporter=reporter).epochs[0]
    both = trainer.train(configure(**fields, l2=0.1), seed=(0, 1), reporter=reporter).epochs[0]
    assert alone.logged_penalty > 0
    assert alone.logged_train_loss == pytest.approx(alone.train_cross_entropy + alone.logged_penalty, rel=0.2)
    activity = alone.logged_validation_loss - alone.validation_cross_entropy
    assert activity == pytest.approx(alone.logged_penalty, rel=0.2)
    kernels = both.logged_penalty - alone.logged_penalty
    assert both.logged_validation_loss == pytest.approx(both.validation_cross_entropy + activity + kernels, rel=1e-3)


def test_a_pruned_trial_is_measured_at_its_best_epoch(
    trainer: Trainer, configure: Configure, stopping_after: Callable[[int], Reporter]
) -> None:
    found = trainer.train(configure(head_width=(16,), dropout=0.5, epochs=9), seed=(1,), reporter=stopping_after(2))
    assert (found.stopped, found.epochs_run) == ("pruned", 2)
    assert found.validation_cross_entropy == min(record.validation_cross_entropy for record in found.epochs)
    assert len(found.predictions) == 4
    assert (len(found.modes), found.modes_reason) == (3, ""), "a head's modes cost next to nothing"


def test_modes_of_a_pruned_trial_must_not_take_long(
    trainer: Trainer, configure: Configure, stopping_after: Callable[[int], Reporter]
) -> None:
    dear = configure(conv_filters=8, dropout=0.3, dropout_position="after_conv", epochs=9)
    found = trainer.train(dear, seed=(1,), reporter=stopping_after(1))
    assert found.modes == ()
    assert found.modes_reason == "the trial was pruned, and its modes would have taken long"


def test_thorough_trials_keep_logits_and_every_corner(
    trainer: Trainer, configure: Configure, reporter: Reporter, labels: IndexArray, split: SplitIndices
) -> None:
    configuration = configure(conv_filters=8, dropout=0.3, dropout_position="after_conv", augment_views=2, epochs=1)
    usual = trainer.train(configuration, seed=(1,), reporter=reporter)
    found = trainer.train(configuration, seed=(1,), reporter=reporter, thorough=True)
    assert (len(usual.modes), len(found.modes)) == (3, 4)
    assert usual.modes == found.modes[:3]
    assert [one.draws for one in usual.modes] == [2, 2, 1]
    logits = kept(found, Side.VALIDATION, Moment.SELECTED).logits
    assert logits is not None
    assert (logits.argmax(1) == labels[split.validation]).mean() == pytest.approx(found.validation_accuracy, abs=0.04)
    assert all(one.logits is None for one in usual.predictions)


def test_another_split_is_for_one_training_alone(
    trainer: Trainer, configure: Configure, reporter: Reporter, split: SplitIndices
) -> None:
    configuration = configure(augment_views=2, dropout=0.2, class_weight="balanced")
    before = trainer.train(configuration, seed=(1,), reporter=reporter)
    developed = split.developed
    other = SplitIndices(train=developed[:60], validation=developed[60:], test=split.test)
    found = trainer.train(configuration, seed=(1,), reporter=reporter, split=other)
    assert (found.train_images, found.validation_images) == (60, 40)
    assert len(kept(found, Side.VALIDATION, Moment.LAST).predicted) == 40
    assert found.modes
    assert same(before, trainer.train(configuration, seed=(1,), reporter=reporter))


def test_a_trainer_over_folds_needs_a_split_for_each_training(
    library: Library,
    labels: IndexArray,
    split: SplitIndices,
    configure: Configure,
    reporter: Reporter,
    trainer: Trainer,
) -> None:
    nothing = np.array([], np.int64)
    whole = SplitIndices(train=nothing, validation=split.developed, test=split.test, folds=(split.validation,))
    folded = Trainer(library=library, labels=labels, split=whole, num_classes=3)
    configuration = configure(augment_views=2, epochs=1)
    found = folded.train(configuration, seed=(1,), reporter=reporter, split=split)
    assert same(found, trainer.train(configuration, seed=(1,), reporter=reporter))


def test_a_holdout_trains_the_same_weights_and_opens_the_sealed_side(
    trainer: Trainer, configure: Configure, reporter: Reporter, labels: IndexArray, split: SplitIndices
) -> None:
    configuration = configure(head_width=(16,), dropout=0.5)
    found = trainer.holdout(configuration, seed=(0, 1))
    assert same(found.measurement, trainer.train(configuration, seed=(0, 1), reporter=reporter))
    right = found.prediction.predicted == labels[split.test]
    assert (found.prediction.side, found.prediction.moment) == (Side.TEST, Moment.SELECTED)
    assert found.accuracy == right.mean()
    assert found.cross_entropy == pytest.approx(float(found.prediction.cross_entropy.mean(dtype=float)), rel=1e-3)
    present = np.unique(labels[split.test])
    recalls = [right[labels[split.test] == label].mean() for label in present]
    assert found.balanced_accuracy == pytest.approx(np.mean(recalls))
    swapped = SplitIndices(train=split.validation, validation=split.train, test=np.array([], np.int64))
    other = trainer.holdout(configuration, seed=(0, 1), split=swapped)
    assert other.measurement.train_images == 30
    assert len(other.prediction.predicted) == len(split.test)


def test_the_test_side_is_never_read(
    library: Library, labels: IndexArray, split: SplitIndices, configure: Configure, reporter: Reporter
) -> None:
    class Sealed:
        def backbone(self, model: ModelSettings) -> Backbone:
            return library.backbone(model)

        def features(self, configuration: Configuration) -> Features:
            features = library.features(configuration)
            clean = features.clean.copy()
            clean[split.test] = np.nan
            return dataclasses.replace(features, clean=clean)

    sealed = np.where(np.isin(np.arange(len(labels)), split.test), -1, labels)
    trainer = Trainer(library=Sealed(), labels=sealed, split=split, num_classes=3)
    found = trainer.train(configure(), seed=(1,), reporter=reporter)
    assert math.isfinite(found.train_cross_entropy)


def test_a_learning_rate_that_explodes_fails_with_its_epoch(
    trainer: Trainer, configure: Configure, reporter: Reporter
) -> None:
    configuration = configure(head_width=(16,), dropout=0.5, learning_rate=1e38)
    with pytest.raises(TrialError, match=r"trial: received .*(nan|inf) in epoch \d;.*lower learning_rate"):
        trainer.train(configuration, seed=(1,), reporter=reporter)


def test_memory_that_does_not_suffice_fails_with_what_to_lower(
    trainer: Trainer, configure: Configure, reporter: Reporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhaust(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(FusedRun, "run_epoch", exhaust)
    with pytest.raises(TrialError, match=r"than memory holds; .*lower batch_size"):
        trainer.train(configure(), seed=(1,), reporter=reporter)


def test_a_model_that_memory_cannot_hold_fails_before_any_of_it_is_made(
    labels: IndexArray,
    split: SplitIndices,
    library: Library,
    configure: Configure,
    reporter: Reporter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def build(*_: object) -> None:
        raise AssertionError("something was allocated")

    monkeypatch.setattr(trial, "CompiledStructure", build)
    trainer = Trainer(library=library, labels=labels, split=split, num_classes=3)
    huge = configure(head_width=(10_000_000, 100_000))
    assert trainer.describe(huge).head_parameters > 10**12
    for train in (
        lambda: trainer.train(huge, seed=(1,), reporter=reporter),
        lambda: trainer.holdout(huge, seed=(1,)),
        lambda: trainer.measure_step(huge),
    ):
        with pytest.raises(TrialError, match=r"\[model\]: received 1,0.* in the head.*smaller head_width"):
            train()


def test_a_description_counts_as_keras_does(trainer: Trainer, configure: Configure) -> None:
    found = trainer.describe(configure(unfrozen_layers=3, conv_filters=8))
    # top: 16 · 24 weights, its batch norm is frozen; convolution 3 · 3 · 24 · 8 + 8, output 8 · 3 + 3.
    assert found.head_parameters == 1736 + 27
    assert found.trainable_parameters == 384 + 1736 + 27
    assert found.total_parameters == 2472 + 1736 + 27
    assert found.file_bytes == 4 * found.total_parameters
    assert found.full_file_bytes == 4 * (found.total_parameters + 2 * found.trainable_parameters)
    assert found.unfrozen_layers == ("top", "top_norm", "top_relu")
    assert found.cut == "block_add"


@pytest.mark.parametrize(
    ("fields", "head_only"), [({}, False), ({"head_epochs": 1}, True), ({"mixup": 0.2, "steps_per_epoch": 2}, False)]
)
def test_a_step_takes_some_time_and_no_image(
    trainer: Trainer, configure: Configure, fields: dict[str, object], head_only: bool
) -> None:
    assert 0 < trainer.measure_step(configure(unfrozen_layers=3, **fields), head_only=head_only) < 10
