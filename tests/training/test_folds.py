"""A configuration trained once a fold: seeds, sides, pruning between folds, and the sealed side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from sweep.records import (
    EpochRecord,
    IndexArray,
    Measurement,
    Moment,
    PredictionRecord,
    Side,
    SplitIndices,
)
from sweep.studyfile.definition import Configuration, ModelSettings, TrainingSettings
from sweep.training import trial  # pytest would take the class `Tested` itself for one of tests
from sweep.training.folds import FoldReporter, FoldTrainer
from sweep.training.sizes import ModelDescription

CONFIGURATION = Configuration(model=ModelSettings(), training=TrainingSettings())


def indices(*positions: int) -> IndexArray:
    return np.array(positions, np.int64)


LABELS = indices(0, 1, 0, 1, 0, 1, 0, 1)
# Images 6 and 7 are sealed.
SPLIT = SplitIndices(
    train=indices(),
    validation=indices(0, 1, 2, 3, 4, 5),
    test=indices(6, 7),
    folds=(indices(0, 1), indices(2, 3), indices(4, 5)),
)

DESCRIBED = ModelDescription(
    trainable_parameters=5,
    total_parameters=7,
    head_parameters=5,
    unfrozen_parameters=0,
    unfrozen_trainable_parameters=0,
    file_bytes=28,
    full_file_bytes=68,
    training_bytes=88,
    optimizer="adam",
    unfrozen_layers=(),
    cut="top",
)


class FakeTrainer:
    """Says class 0 of everything; fold by fold its cross-entropies are 0.1, 0.2, … on validation and on test.

    Attributes:
        calls: seed, training side, validation side and thoroughness of each training.
    """

    def __init__(self, template: Measurement, *, named: Sequence[Sequence[int]] = ()) -> None:
        self.calls: list[tuple[tuple[int, ...], list[int], list[int], bool]] = []
        self._template = template
        self._named = named

    def describe(self, configuration: Configuration) -> ModelDescription:
        assert configuration is CONFIGURATION
        return DESCRIBED

    def train(
        self,
        configuration: Configuration,
        *,
        seed: Sequence[int],
        reporter: FoldReporter | None,
        thorough: bool = False,
        split: SplitIndices | None = None,
    ) -> Measurement:
        assert configuration is CONFIGURATION
        assert split is not None
        self.calls.append((tuple(seed), split.train.tolist(), split.validation.tolist(), thorough))
        nats = 0.1 * len(self.calls)
        goes_on = reporter is None or reporter.epoch(self._template.epochs[0])
        return replace(
            self._template,
            stopped="finished" if goes_on else "pruned",
            validation_accuracy=0.5,
            validation_cross_entropy=nats,
            train_images=len(split.train),
            validation_images=len(split.validation),
            predictions=tuple(
                _prediction(Side.VALIDATION, moment, [0] * len(split.validation), nats) for moment in Moment
            ),
        )

    def holdout(
        self, configuration: Configuration, *, seed: Sequence[int], split: SplitIndices | None = None
    ) -> trial.Tested:
        measurement = self.train(configuration, seed=seed, reporter=None, split=split)
        number = len(self.calls)
        named = self._named[number - 1]
        return trial.Tested(
            measurement=measurement,
            prediction=_prediction(Side.TEST, Moment.SELECTED, named, float(number)),
            share_right=np.array([named[0] == 1, named[1] == 1], np.float16),
            accuracy=0.1 * number,
            cross_entropy=float(number),
            balanced_accuracy=0.2 * number,
        )


def _prediction(side: Side, moment: Moment, predicted: Sequence[int], nats: float) -> PredictionRecord:
    return PredictionRecord(
        side=side,
        moment=moment,
        predicted=np.array(predicted, np.uint16),
        cross_entropy=np.full(len(predicted), nats, np.float16),
    )


class FakeReporter:
    """Stops after a fold, or at an epoch."""

    def __init__(self, *, last_fold: int = 99, last_epoch: int = 99) -> None:
        self.folds: list[tuple[int, float]] = []
        self.epochs = 0
        self._last_fold = last_fold
        self._last_epoch = last_epoch

    def epoch(self, record: EpochRecord) -> bool:
        self.epochs += 1
        return self.epochs < self._last_epoch

    def fold(self, number: int, cross_entropy: float) -> bool:
        self.folds.append((number, round(cross_entropy, 9)))
        return number < self._last_fold


@pytest.fixture
def trainer(template: Measurement) -> FakeTrainer:
    """A trainer that has trained nothing yet."""
    return FakeTrainer(template, named=([0, 1], [1, 1], [1, 2]))


@pytest.fixture
def folds(trainer: FakeTrainer) -> FoldTrainer:
    """Three folds of that trainer."""
    return FoldTrainer(trainer, labels=LABELS, split=SPLIT)


@pytest.fixture
def template() -> Measurement:
    """A measurement of one epoch, to be changed."""
    record = EpochRecord(
        epoch=1,
        logged_train_accuracy=0.5,
        logged_train_loss=0.5,
        logged_penalty=0.0,
        logged_weighting=0.0,
        logged_validation_accuracy=0.5,
        logged_validation_loss=0.5,
        train_accuracy=0.5,
        train_cross_entropy=0.5,
        validation_accuracy=0.5,
        validation_cross_entropy=0.5,
        learning_rate=1e-3,
        seconds=0.1,
    )
    return Measurement(
        selected_epoch=1,
        epochs_run=1,
        stopped="finished",
        train_accuracy=0.5,
        train_cross_entropy=0.5,
        validation_accuracy=0.5,
        validation_cross_entropy=0.5,
        validation_cross_entropy_error=0.1,
        train_balanced_accuracy=0.5,
        validation_balanced_accuracy=0.5,
        logged_train_accuracy=0.5,
        logged_train_loss=0.5,
        logged_penalty=0.0,
        logged_weighting=0.0,
        logged_validation_accuracy=0.5,
        logged_validation_loss=0.5,
        penalty=0.0,
        train_images=1,
        validation_images=1,
        trainable_parameters=1,
        total_parameters=2,
        engine="fused",
        cut="top",
        seconds=1.0,
        compile_seconds=0.5,
        epochs=(record,),
    )


def test_each_fold_is_trained_on_the_others_with_a_seed_of_its_own(folds: FoldTrainer, trainer: FakeTrainer) -> None:
    reporter = FakeReporter()
    found = folds.train(CONFIGURATION, seed=(7, 3), reporter=reporter, thorough=True)
    assert trainer.calls == [
        ((7, 3, 1), [2, 3, 4, 5], [0, 1], True),
        ((7, 3, 2), [0, 1, 4, 5], [2, 3], True),
        ((7, 3, 3), [0, 1, 2, 3], [4, 5], True),
    ]
    assert reporter.folds == [(1, 0.1), (2, 0.2), (3, 0.3)]
    assert reporter.epochs == 3
    assert (found.folds, found.stopped) == (3, "finished")
    assert found.validation_cross_entropy == pytest.approx(0.2)
    assert (found.train_images, found.validation_images) == (4, 2)
    np.testing.assert_allclose(found.predictions[0].cross_entropy, [0.1, 0.1, 0.2, 0.2, 0.3, 0.3], rtol=1e-3)


def test_another_split_can_be_given(folds: FoldTrainer, trainer: FakeTrainer) -> None:
    other = replace(SPLIT, folds=(indices(0, 3, 5), indices(1, 2, 4)))
    folds.train(CONFIGURATION, seed=(7, 3, 1), reporter=FakeReporter(), split=other)
    assert [(seed, validation) for seed, _, validation, _ in trainer.calls] == [
        ((7, 3, 1, 1), [0, 3, 5]),
        ((7, 3, 1, 2), [1, 2, 4]),
    ]


def test_the_reporter_ends_a_trial_between_folds(folds: FoldTrainer, trainer: FakeTrainer) -> None:
    found = folds.train(CONFIGURATION, seed=(7, 3), reporter=FakeReporter(last_fold=2))
    assert len(trainer.calls) == found.folds == 2
    assert (found.stopped, found.predictions) == ("pruned", ())
    assert found.validation_cross_entropy == pytest.approx(0.15)


def test_after_the_last_fold_there_is_nothing_to_prune(folds: FoldTrainer) -> None:
    found = folds.train(CONFIGURATION, seed=(7, 3), reporter=FakeReporter(last_fold=3))
    assert (found.folds, found.stopped, len(found.predictions)) == (3, "finished", 2)


def test_a_fold_that_was_cut_short_ends_the_trial(folds: FoldTrainer) -> None:
    found = folds.train(CONFIGURATION, seed=(7, 3), reporter=FakeReporter(last_epoch=2))
    assert (found.folds, found.stopped, found.predictions) == (2, "pruned", ())


def test_the_sealed_side_is_measured_by_every_model(folds: FoldTrainer, trainer: FakeTrainer) -> None:
    found = folds.holdout(CONFIGURATION, seed=(7, 3))
    assert [seed for seed, _, _, _ in trainer.calls] == [(7, 3, 1), (7, 3, 2), (7, 3, 3)]
    assert (found.accuracy, found.cross_entropy, found.balanced_accuracy) == pytest.approx((0.2, 2.0, 0.4))
    assert found.measurement.folds == 3
    assert found.prediction.side is Side.TEST
    # The models name 0, 1, 1 for the first image and 1, 1, 2 for the second.
    assert found.prediction.predicted.tolist() == [1, 1]
    assert found.prediction.cross_entropy.tolist() == [2.0, 2.0]
    # Of label 1 both: two of three models are right each time.
    np.testing.assert_allclose(found.share_right, [2 / 3, 2 / 3], atol=1e-3)


def test_of_classes_that_equally_many_models_name_the_first_models_counts(template: Measurement) -> None:
    trainer = FakeTrainer(template, named=([3, 0], [0, 2], [1, 1]))
    found = FoldTrainer(trainer, labels=LABELS, split=SPLIT).holdout(CONFIGURATION, seed=(7, 3))
    assert found.prediction.predicted.tolist() == [3, 0]


def test_the_model_of_each_fold_is_described_once(folds: FoldTrainer, trainer: FakeTrainer) -> None:
    assert folds.describe(CONFIGURATION) is DESCRIBED
    assert trainer.calls == []
