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
from sweep.records import EpochRecord, IndexArray, Measurement, Moment, Split, SplitIndices
from sweep.studyfile.definition import Configuration, ModelSettings
from sweep.training import trial
from sweep.training.fused import CompiledStructure, FusedRun
from sweep.training.trial import Library, Reporter, Trainer

Configure = Callable[..., Configuration]


def same(one: Measurement, other: Measurement) -> bool:
    """Bit for bit, but for the clock."""
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

    kept = {(one.split, one.moment): one for one in found.predictions}
    validation = kept[Split.VALIDATION, Moment.SELECTED]
    assert found.validation_accuracy == (validation.predicted == labels[split.validation]).mean()
    assert found.validation_cross_entropy == pytest.approx(float(validation.cross_entropy.mean(dtype=float)), rel=1e-3)
    assert found.train_accuracy == (kept[Split.TRAIN, Moment.SELECTED].predicted == labels[split.train]).mean()
    selected = heard[found.selected_epoch - 1]
    assert selected.validation_cross_entropy == min(record.validation_cross_entropy for record in heard)
    assert found.validation_cross_entropy == selected.validation_cross_entropy
    assert found.logged_train_loss == selected.logged_train_loss
    assert found.penalty > 0
    assert all(record.learning_rate == 1e-2 for record in heard)


@pytest.mark.parametrize(
    "fields",
    [
        {"head_width": (16,), "dropout": 0.5},
        {"conv_filters": 8, "dropout": 0.3, "dropout_position": "both"},
        {"unfrozen_layers": 8, "batch_norm": "train"},  # drop-connect and moving statistics in it
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
    for changed in ({}, {"dropout": 0.1}, {"l2": 0.1}, {"learning_rate": 1e-3}, {"batch_size": 8}):
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

    losses = [loss(), loss(dropout=0.1), loss(l2=0.1), loss(learning_rate=1e-3), loss(batch_size=8)]
    assert len(set(losses)) == 5


def test_a_pruned_trial_is_measured_at_its_best_epoch(
    trainer: Trainer, configure: Configure, stopping_after: Callable[[int], Reporter]
) -> None:
    found = trainer.train(configure(head_width=(16,), dropout=0.5, epochs=9), seed=(1,), reporter=stopping_after(2))
    assert (found.stopped, found.epochs_run) == ("pruned", 2)
    assert found.validation_cross_entropy == min(record.validation_cross_entropy for record in found.epochs)
    assert len(found.predictions) == 3


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


def test_a_description_counts_as_keras_does(trainer: Trainer, configure: Configure) -> None:
    found = trainer.describe(configure(unfrozen_layers=3, conv_filters=8))
    # top: 16 · 24 weights, its batch norm is frozen; convolution 3 · 3 · 24 · 8 + 8, output 8 · 3 + 3.
    assert found.trainable_parameters == 384 + 1736 + 27
    assert found.total_parameters == 2472 + 1736 + 27
    assert found.file_bytes == 4 * found.total_parameters
    assert found.unfrozen_layers == ("top", "top_norm", "top_relu")
    assert found.cut == "block_add"


def test_a_step_takes_some_time_and_no_image(trainer: Trainer, configure: Configure) -> None:
    assert 0 < trainer.measure_step(configure(unfrozen_layers=3)) < 10
