"""The judge agrees with the fast path on every kind of tail, and with Keras code as people write it."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest
from keras import layers
from numpy.typing import NDArray

from sweep.backbones.catalog import Backbone
from sweep.errors import TrialError
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
    "AdamW, cosine with warm-up and decay, L1": {
        "optimizer": "adamw",
        "weight_decay": 0.1,
        "schedule": "cosine",
        "warmup_epochs": 1,
        "decay": 0.01,
        "l1": 1e-3,
    },
    "RMSprop with momentum, the head and then nothing else, few batches in order": {
        "optimizer": "rmsprop",
        "momentum": 0.9,
        "learning_rate": 1e-3,
        "dropout": 0.3,
        "head_epochs": 1,
        "steps_per_epoch": 3,
        "validation_steps": 1,
        "shuffle": False,
    },
    "mixup, smoothed labels, class weights": {
        "head_width": (16,),
        "dropout": 0.5,
        "mixup": 0.4,
        "label_smoothing": 0.1,
        "class_weight": "balanced",
    },
    "mixup of pixels, batch norm with a momentum of its own": {
        "unfrozen_layers": 99,
        "batch_norm": "train",
        "batch_norm_momentum": 0.5,
        "mixup": 1.0,
        "learning_rate": 1e-3,
        "epochs": 2,
    },
    "the head first, then a tail with drop-connect, recalibrated": {
        "unfrozen_layers": 8,
        "batch_norm": "train",
        "head_epochs": 1,
        "recalibrate": True,
    },
    "legacy batch norm in a frozen backbone": {"batch_norm": "legacy", "epochs": 2},
    "dropout inside the backbone": {"dropout_position": "backbone", "dropout": 0.2, "epochs": 2},
    "batch norm in the head, activities penalised": {
        "head_width": (16, 8),
        "head_batch_norm": True,
        "activity_l2": 1e-2,
        "l2": 1e-3,
        "epochs": 2,
        "optimizer": "sgd",  # Adam would make steps of the rounding in gradients of biases that batch norm takes away
    },
}


@pytest.fixture(autouse=True)
def unswitched(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modes are compiled for seconds; they have tests of their own, and here one that looks at them."""
    if "where_nothing_is_unfrozen" not in request.node.name:
        monkeypatch.setattr("sweep.training.measurement.measure_modes", lambda *data, **options: ())


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
        assert ours.learning_rate == theirs.learning_rate
        assert ours.logged_validation_accuracy == theirs.logged_validation_accuracy
        assert ours.train_cross_entropy == pytest.approx(theirs.train_cross_entropy, rel=1e-4)
        assert ours.validation_cross_entropy == pytest.approx(theirs.validation_cross_entropy, rel=1e-4)
    for mine, yours in zip(fused.predictions, judge.predictions, strict=True):
        np.testing.assert_array_equal(mine.predicted, yours.predicted)
        np.testing.assert_allclose(mine.cross_entropy, yours.cross_entropy, rtol=1e-3, atol=1e-3)
    training = configuration.training
    weighted = training.class_weight == "balanced" or bool(training.label_smoothing or training.mixup)
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
        batches = draw_batches(split.train, labels[split.train], 16, order, rates=0.0)
        rows = batches.rows.reshape(-1)[: len(split.train)]
        history = model.fit(images[rows], labels[rows], batch_size=16, shuffle=False, verbose=0).history
        assert record.logged_train_loss == pytest.approx(history["loss"][0], rel=1e-4)
        assert record.logged_train_accuracy == pytest.approx(history["accuracy"][0], abs=1e-6)
    val_loss, val_accuracy = model.evaluate(images[split.validation], labels[split.validation], verbose=0)
    assert measurement.validation_accuracy == pytest.approx(val_accuracy, abs=1e-6)
    assert measurement.validation_cross_entropy + measurement.penalty == pytest.approx(val_loss, rel=1e-4)


def test_two_phases_are_what_keras_code_does_as_people_write_it(
    backbone: Backbone,
    pixels: NDArray[np.uint8],
    labels: IndexArray,
    split: SplitIndices,
    trainer: Trainer,
    configure: Configure,
    reporter: Reporter,
) -> None:
    """Freeze the base, fit; unfreeze its last three layers, compile at a tenth, fit. Adam, smoothed labels."""
    configuration = configure(
        unfrozen_layers=3, batch_norm="train", head_epochs=2, epochs=4, keep="last", label_smoothing=0.1
    )
    measurement = trainer.train(configuration, seed=(5,), reporter=reporter)

    seeds = TrialSeeds.of((5,))
    initializer = keras.initializers.GlorotUniform(seed=int(seeds.weights.generate_state(1)[0]))
    base = keras.models.clone_model(backbone.model)
    base.set_weights(backbone.model.get_weights())
    base.trainable = False
    base.get_layer("block_drop").rate = 0.0  # frozen, and yet `fit` would switch drop-connect on
    output = layers.Dense(3, kernel_initializer=initializer)
    model = keras.Sequential([base, layers.GlobalAveragePooling2D(), output])
    images, hot = backbone.preprocess(pixels), np.eye(3, dtype=np.float32)[labels]
    order = np.random.default_rng(seeds.order)
    for number, record in enumerate(measurement.epochs):
        if number == 2:
            for layer in base.layers[-3:]:
                layer.trainable = True
        if number in (0, 2):
            loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
            model.compile(keras.optimizers.Adam((1e-2, 1e-3)[number // 2]), loss, metrics=["accuracy"])
        batches = draw_batches(split.train, labels[split.train], 16, order, rates=0.0)
        rows = batches.rows.reshape(-1)[: len(split.train)]
        history = model.fit(images[rows], hot[rows], batch_size=16, shuffle=False, verbose=0).history
        val_loss, _ = model.evaluate(images[split.validation], hot[split.validation], verbose=0)
        assert record.learning_rate == pytest.approx((1e-2, 1e-3)[number // 2])
        assert record.logged_train_loss == pytest.approx(history["loss"][0], rel=1e-4)
        assert record.logged_train_accuracy == pytest.approx(history["accuracy"][0], abs=1e-6)
        assert record.logged_validation_loss == pytest.approx(val_loss, rel=1e-4)


def test_where_nothing_is_unfrozen_the_head_trains_as_if_there_were_one_phase(
    trainer: Trainer, plain_trainer: MakePlain, configure: Configure, reporter: Reporter
) -> None:
    """Legacy batch norm on the batch's statistics, and a dropout inside that drops."""
    fields = {"batch_norm": "legacy", "dropout_position": "backbone", "dropout": 0.3, "epochs": 1}
    for anyone in (trainer, plain_trainer(0)):
        one, two = (
            anyone.train(configure(head_epochs=phase, **fields), seed=(1,), reporter=reporter) for phase in (0, 1)
        )
        assert two.epochs[0].logged_train_loss == pytest.approx(one.epochs[0].logged_train_loss, rel=1e-6)
        assert two.validation_cross_entropy == pytest.approx(one.validation_cross_entropy, rel=1e-6)
        assert [mode.unchanged for mode in one.modes] == [mode.unchanged for mode in two.modes]


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


def test_half_precision_is_refused_without_a_gpu_on_both_paths(
    plain_trainer: MakePlain,
    trainer: Trainer,
    configure: Configure,
    reporter: Reporter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keras.distribution, "list_devices", lambda kind: [])
    for anyone in (plain_trainer(0), trainer):
        with pytest.raises(TrialError, match=r"mixed_precision: received true .* no GPU"):
            anyone.train(configure(mixed_precision=True), seed=(1,), reporter=reporter)


def test_the_judge_leaves_the_backbone_as_it_was(
    backbone: Backbone, plain_trainer: MakePlain, configure: Configure, reporter: Reporter
) -> None:
    before = [weight.copy() for weight in backbone.model.get_weights()]
    plain_trainer(0).train(configure(unfrozen_layers=3, epochs=1), seed=(1,), reporter=reporter)
    for weight, kept in zip(backbone.model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, kept)
