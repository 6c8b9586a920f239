"""The judge agrees with the fast path on every kind of tail, and with Keras code as people write it."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest
from keras import layers
from numpy.typing import NDArray

from sweep.backbones.catalog import Backbone
from sweep.records import IndexArray, SplitIndices
from sweep.studyfile.definition import Configuration
from sweep.training.plain import PlainTrainer
from sweep.training.seeds import TrialSeeds
from sweep.training.task import draw_batches
from sweep.training.trial import Reporter, Trainer

Configure = Callable[..., Configuration]
MakePlain = Callable[[int], PlainTrainer]

KINDS: dict[str, dict[str, object]] = {
    "head, dropout after pooling": {"head_width": (16,), "dropout": 0.5},
    "two dense layers, a rate each, L2": {
        "head_width": (16, 8),
        "dropout": (0.5, 0.2),
        "dropout_position": "after_dense",
        "l2": 1e-2,
    },
    "dropout on the map, max pooling, SGD": {
        "pooling": "max",
        "dropout": 0.5,
        "dropout_position": "before_conv",
        "optimizer": "sgd",
    },
    "flattened map": {"pooling": "flatten", "dropout": 0.3, "l2": 1e-3},
    "conv head, dropout before and after, L2": {
        "conv_filters": 8,
        "dropout": 0.3,
        "dropout_position": "both",
        "l2": 1e-3,
    },
    "conv head, 2 × 2 max pooling, SGD": {
        "conv_filters": 8,
        "pooling": "max2d",
        "dropout": 0.3,
        "dropout_position": "after_conv",
        "optimizer": "sgd",
    },
    "unfrozen through a residual block, frozen batch norm, L2": {"unfrozen_layers": 8, "dropout": 0.2, "l2": 1e-2},
    "unfrozen, training batch norm": {"unfrozen_layers": 8, "batch_norm": "train", "learning_rate": 1e-3},
    "the whole network": {"unfrozen_layers": 99, "batch_norm": "train", "learning_rate": 1e-3},
    "augmented views": {"head_width": (16,), "dropout": 0.5, "augment_views": 2},
    "class weights, L2, augmented validation": {
        "class_weight": "balanced",
        "l2": 1e-2,
        "augment_views": 2,
        "augment_validation": True,
    },
    "class weights, unfrozen": {"class_weight": "balanced", "unfrozen_layers": 3},
}


@pytest.mark.parametrize("fields", KINDS.values(), ids=KINDS.keys())
def test_cached_and_fused_training_is_ordinary_training(
    fields: dict[str, object], trainer: Trainer, plain_trainer: MakePlain, configure: Configure, reporter: Reporter
) -> None:
    configuration = configure(**fields)
    fused = trainer.train(configuration, seed=(1, 2), reporter=reporter)
    judge = plain_trainer(configuration.training.augment_views).train(configuration, seed=(1, 2), reporter=reporter)

    assert (fused.engine, judge.engine) == ("fused", "plain")
    for ours, theirs in zip(fused.epochs, judge.epochs, strict=True):
        assert ours.logged_train_loss == pytest.approx(theirs.logged_train_loss, rel=1e-4)
        assert ours.logged_train_accuracy == pytest.approx(theirs.logged_train_accuracy, abs=1e-6)
        assert ours.logged_penalty == pytest.approx(theirs.logged_penalty, rel=1e-4)
        assert ours.logged_weighting == pytest.approx(theirs.logged_weighting, abs=1e-4)
        assert ours.logged_validation_loss == pytest.approx(theirs.logged_validation_loss, rel=1e-4)
        assert ours.logged_validation_accuracy == theirs.logged_validation_accuracy
        assert ours.train_cross_entropy == pytest.approx(theirs.train_cross_entropy, rel=1e-4)
        assert ours.validation_cross_entropy == pytest.approx(theirs.validation_cross_entropy, rel=1e-4)
    for mine, yours in zip(fused.predictions, judge.predictions, strict=True):
        np.testing.assert_array_equal(mine.predicted, yours.predicted)
        np.testing.assert_allclose(mine.cross_entropy, yours.cross_entropy, rtol=1e-3, atol=1e-3)
    weighted = configuration.training.class_weight == "balanced"
    assert all((record.logged_weighting != 0) == weighted for record in fused.epochs)
    assert fused.penalty == pytest.approx(judge.penalty, rel=1e-4)
    assert (fused.trainable_parameters, fused.total_parameters) == (judge.trainable_parameters, judge.total_parameters)


def test_it_is_what_keras_code_does_as_people_write_it(
    backbone: Backbone,
    pixels: NDArray[np.uint8],
    labels: IndexArray,
    split: SplitIndices,
    trainer: Trainer,
    configure: Configure,
    reporter: Reporter,
) -> None:
    """Freeze all but the last three layers and every batch norm, put a head on top, compile, fit."""
    configuration = configure(unfrozen_layers=3, conv_filters=8, head_width=(16,), l2=1e-2, epochs=2, keep="last")
    measurement = trainer.train(configuration, seed=(5,), reporter=reporter)

    seeds = TrialSeeds.of((5,))
    seed_of = dict(zip(("conv", "dense", "logits"), seeds.weights.generate_state(3).tolist(), strict=True))

    def drawn(name: str) -> dict[str, object]:
        return {
            "kernel_initializer": keras.initializers.GlorotUniform(seed=seed_of[name]),
            "kernel_regularizer": keras.regularizers.L2(1e-2),
        }

    base = keras.models.clone_model(backbone.model)
    base.set_weights(backbone.model.get_weights())
    for layer in base.layers[:-3]:
        layer.trainable = False
    for layer in base.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
    base.get_layer("block_drop").rate = 0.0  # frozen, and yet `fit` would switch drop-connect on
    model = keras.Sequential(
        [
            base,
            layers.Conv2D(8, 3, activation="relu", **drawn("conv")),
            layers.GlobalAveragePooling2D(),
            layers.Dense(16, activation="relu", **drawn("dense")),
            layers.Dense(3, **drawn("logits")),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-2), loss, metrics=["accuracy"])
    images = backbone.preprocess(pixels)
    order = np.random.default_rng(seeds.order)
    for record in measurement.epochs:
        rows = draw_batches(split.train, labels[split.train], 16, order).rows.reshape(-1)[: len(split.train)]
        history = model.fit(images[rows], labels[rows], batch_size=16, shuffle=False, verbose=0).history
        assert record.logged_train_loss == pytest.approx(history["loss"][0], rel=1e-4)
        assert record.logged_train_accuracy == pytest.approx(history["accuracy"][0], abs=1e-6)
    val_loss, val_accuracy = model.evaluate(images[split.validation], labels[split.validation], verbose=0)
    assert measurement.validation_accuracy == pytest.approx(val_accuracy, abs=1e-6)
    assert measurement.validation_cross_entropy + measurement.penalty == pytest.approx(val_loss, rel=1e-4)


def test_other_sides_train_another_model(
    plain_trainer: MakePlain, trainer: Trainer, split: SplitIndices, configure: Configure, reporter: Reporter
) -> None:
    swapped = SplitIndices(train=split.validation, validation=split.train, test=split.test)
    arguments = {"seed": (1,), "reporter": reporter, "split": swapped, "thorough": True}
    configuration = configure(augment_views=2, epochs=1)
    judge = plain_trainer(2).train(configuration, **arguments)  # type: ignore[arg-type]
    fused = trainer.train(configuration, **arguments)  # type: ignore[arg-type]
    assert (judge.train_images, judge.validation_images) == (30, 70)
    assert judge.validation_cross_entropy == pytest.approx(fused.validation_cross_entropy, rel=1e-4)
    assert all(one.logits is not None for one in judge.predictions)


def test_the_judge_leaves_the_backbone_as_it_was(
    backbone: Backbone, plain_trainer: MakePlain, configure: Configure, reporter: Reporter
) -> None:
    before = [weight.copy() for weight in backbone.model.get_weights()]
    plain_trainer(0).train(configure(unfrozen_layers=3, epochs=1), seed=(1,), reporter=reporter)
    for weight, kept in zip(backbone.model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, kept)
