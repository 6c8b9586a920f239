"""Short trainings with changed fields, against the trainings that they are made of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sweep.errors import DefinitionError
from sweep.records import IndexArray, Measurement, Moment, Side, SplitIndices
from sweep.studyfile.definition import Configuration
from sweep.training.course import Unpruned
from sweep.training.refit import memorised, refit
from sweep.training.trial import Trainer

Configure = Callable[..., Configuration]
SEEDS = ((0, 1), (0, 2))


def test_the_numbers_are_means_over_ordinary_trainings_with_the_changed_fields(
    trainer: Trainer, configure: Configure, labels: IndexArray, split: SplitIndices
) -> None:
    configuration = configure(dropout=0.2)
    changes = {"l2": 1e-3, "learning_rate": 3e-3}
    found = refit(trainer, configuration, name="weaker", changes=changes, labels=labels, split=split, seeds=SEEDS)
    alone: list[Measurement] = [
        trainer.train(configuration.replaced(changes), seed=seed, reporter=Unpruned()) for seed in SEEDS
    ]
    assert found.name == "weaker"
    assert found.changes == {"model.l2": 1e-3, "training.learning_rate": 3e-3}
    assert found.seeds == 2
    assert found.train_accuracy == np.mean([one.train_accuracy for one in alone])
    assert found.train_cross_entropy == np.mean([one.train_cross_entropy for one in alone])
    assert found.trainable_parameters == alone[0].trainable_parameters
    assert found.correct.mean() == pytest.approx(np.mean([one.validation_accuracy for one in alone]))
    records = [
        next(one for one in each.predictions if (one.side, one.moment) == (Side.VALIDATION, Moment.SELECTED))
        for each in alone
    ]
    assert np.array_equal(found.cross_entropy, np.mean([one.cross_entropy.astype(float) for one in records], axis=0))
    for position, epochs in enumerate(zip(*(one.epochs for one in alone), strict=True)):
        assert found.train_curve[position] == np.mean([epoch.train_cross_entropy for epoch in epochs])
        assert found.validation_curve[position] == np.mean([epoch.validation_cross_entropy for epoch in epochs])


def test_curves_end_with_the_shortest_training(
    trainer: Trainer, configure: Configure, labels: IndexArray, split: SplitIndices
) -> None:
    """At a rate of 1 validation is soon worse than before: patience of one epoch ends it, sooner or later."""
    configuration = configure(learning_rate=1.0, patience=1, epochs=12)
    found = refit(trainer, configuration, name="baseline", changes={}, labels=labels, split=split, seeds=SEEDS)
    lengths = [len(trainer.train(configuration, seed=seed, reporter=Unpruned()).epochs) for seed in SEEDS]
    assert len(found.train_curve) == len(found.validation_curve) == min(lengths) < 12


def test_changes_that_do_not_fit_are_refused(
    trainer: Trainer, configure: Configure, labels: IndexArray, split: SplitIndices
) -> None:
    with pytest.raises(DefinitionError, match="dropout"):
        refit(trainer, configure(), name="x", changes={"dropout": 2.0}, labels=labels, split=split, seeds=SEEDS)


def test_a_few_images_are_learnt_by_heart_whatever_keeps_the_baseline_from_it(
    trainer: Trainer, configure: Configure, labels: IndexArray, split: SplitIndices
) -> None:
    strangled = configure(head_width=(64,), dropout=0.9, l2=10.0, epochs=1, learning_rate=1e-2)
    assert trainer.train(strangled, seed=(0, 1), reporter=Unpruned()).train_accuracy < 0.7
    assert memorised(trainer, strangled, labels=labels, split=split, seed=(0, 1)) >= 0.9


def test_a_network_that_does_not_train_does_not_learn_them(
    trainer: Trainer, configure: Configure, labels: IndexArray, split: SplitIndices
) -> None:
    still = configure(learning_rate=1e-9)
    assert memorised(trainer, still, labels=labels, split=split, seed=(0, 1)) < 0.8
