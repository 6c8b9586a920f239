"""Somebody's own model is trained as its code says, and measured as ours are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from numpy.typing import NDArray

from sweep.errors import DefinitionError, TrialError
from sweep.progress import Silent
from sweep.records import EpochRecord, IndexArray, Measurement, Moment, Side, SplitIndices
from sweep.studyfile.definition import Configuration, ModelSettings, TrainingSettings
from sweep.training import hyper_frozen
from sweep.training.course import Reporter, Unpruned
from sweep.training.evaluation import evaluate
from sweep.training.folds import FoldTrainer
from sweep.training.hyper import HyperTrainer
from sweep.training.seeds import TrialSeeds

SIZE = 24
Build = Callable[[], Any]


class Notes(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


class Scripted:
    """A hypermodel without hyperparameters."""

    def __init__(self, build: Build, fit: Callable[..., object] | None = None) -> None:
        self.name = "mine:model"
        self.fault: Exception | None = None
        self.settled = 0
        self.build = build
        self._fit = fit or (lambda model, *data, **options: model.fit(*data, **options))

    def fit(self, model: keras.Model, *data: object, **options: object) -> object:
        return self._fit(model, *data, **options)

    def settle(self) -> None:
        self.settled += 1


MakeTrainer = Callable[..., HyperTrainer]


@pytest.fixture(autouse=True)
def unswitched(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modes are compiled for seconds, so only those tests measure them that are about them."""
    if "modes" not in request.node.name:
        monkeypatch.setattr("sweep.training.measurement.measure_modes", lambda *data, **options: ())


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def make_trainer(pixels: NDArray[np.uint8], labels: IndexArray, split: SplitIndices, notes: Notes) -> MakeTrainer:
    """`make_trainer(build, fit)`, for three classes, or for two of them."""

    def make(build: Build, fit: Callable[..., object] | None = None, *, classes: int = 3) -> HyperTrainer:
        candidate = build if isinstance(build, Scripted) else Scripted(build, fit)
        return HyperTrainer(
            candidates=lambda _: candidate,
            pixels=pixels,
            labels=labels % classes,
            split=split,
            num_classes=classes,
            progress=notes,
        )

    return make


def configured(**training: object) -> Configuration:
    settings = {"batch_size": 16, "epochs": 2, "patience": 0, **training}
    return Configuration(
        model=ModelSettings(hypermodel="mine:model"), training=TrainingSettings.model_validate(settings)
    )


def train(trainer: HyperTrainer, *, reporter: Reporter | None = None, **training: object) -> Measurement:
    return trainer.train(configured(**training), seed=(0, 1), reporter=reporter or Unpruned())


def frozen_base() -> keras.Model:
    base = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(8, 3, strides=2, kernel_initializer=keras.initializers.GlorotUniform(seed=1)),
            layers.BatchNormalization(),
            layers.ReLU(),
        ],
        name="base",
    )
    base.trainable = False
    return base


def build(
    *, before: tuple[keras.layers.Layer, ...] = (), drop: float = 0.0, compiled: dict[str, object] | None = None
) -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            *before,
            frozen_base(),
            layers.GlobalAveragePooling2D(name="pool"),
            *([layers.Dropout(drop)] if drop else []),
            layers.Dense(8, activation="relu", kernel_regularizer=keras.regularizers.L2(0.01)),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(**(compiled or {"optimizer": keras.optimizers.Adam(0.03), "loss": "sparse_categorical_crossentropy"}))
    return model


def accurate(**more: object) -> dict[str, object]:
    loss = "sparse_categorical_crossentropy"
    return {"optimizer": keras.optimizers.Adam(0.03), "loss": loss, "metrics": ["accuracy"], **more}


# ---- against plain Keras ---------------------------------------------------------------------------------------------


def test_the_logged_numbers_are_those_of_plain_keras(
    make_trainer: MakeTrainer, pixels: NDArray[np.uint8], labels: IndexArray, split: SplitIndices
) -> None:
    """The same code with the same seed, without us: equal to the last digit that float32 has."""

    def flipping() -> keras.Model:
        return build(before=(layers.RandomFlip(),), drop=0.3, compiled=accurate())

    measured = train(make_trainer(flipping))
    assert measured.cut == "input"
    keras.backend.clear_session()
    keras.utils.set_random_seed(int(TrialSeeds.of((0, 1)).weights.generate_state(1)[0]))
    sides = [(pixels[side].astype(np.float32), labels[side]) for side in (split.train, split.validation)]
    history = flipping().fit(*sides[0], validation_data=sides[1], epochs=2, batch_size=16, verbose=0).history
    for number, epoch in enumerate(measured.epochs):
        assert epoch.logged_train_loss == history["loss"][number]
        assert epoch.logged_train_accuracy == history["accuracy"][number]
        assert epoch.logged_validation_loss == history["val_loss"][number]
        assert epoch.logged_validation_accuracy == history["val_accuracy"][number]
    # Validation runs clean, so what Keras logs of it is what is measured, penalty aside.
    last = measured.epochs[measured.selected_epoch - 1]
    assert last.logged_validation_loss - measured.penalty == pytest.approx(last.validation_cross_entropy, abs=1e-5)
    assert last.logged_validation_accuracy == pytest.approx(last.validation_accuracy)


def test_cut_and_uncut_train_alike(make_trainer: MakeTrainer, notes: Notes, monkeypatch: pytest.MonkeyPatch) -> None:
    cut = train(make_trainer(build))
    assert cut.cut == "pool"
    assert notes.notes == [
        'the model up to "pool" is frozen and computed once; from there on it trains: the layer "dense" trains'
    ]
    monkeypatch.setattr("sweep.training.hyper_frozen._SHARE_OF_MEMORY", 2.0**60)
    whole = train(make_trainer(build))
    assert whole.cut == "input"
    assert notes.notes[-1].startswith('nothing of the model is computed ahead: what "pool" gives would take')
    assert (cut.engine, cut.trainable_parameters, cut.total_parameters) == ("plain", 99, 355)
    assert (whole.trainable_parameters, whole.total_parameters) == (99, 355)
    for one, other in zip(cut.epochs, whole.epochs, strict=True):
        for name in EpochRecord.__slots__:
            if name != "seconds":
                assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-3, abs=1e-4), name
    assert cut.train_cross_entropy == pytest.approx(whole.train_cross_entropy, rel=1e-3)


def test_the_same_seed_gives_the_same_numbers(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer(lambda: build(before=(layers.RandomFlip(),), drop=0.3))

    def numbers(seed: tuple[int, ...]) -> Measurement:
        found = trainer.train(configured(), seed=seed, reporter=Unpruned())
        epochs = tuple(replace(epoch, seconds=0.0) for epoch in found.epochs)
        return replace(found, seconds=0.0, compile_seconds=0.0, epochs=epochs, predictions=())

    assert repr(numbers((0, 1))) == repr(numbers((0, 1)))


# ---- what training switches on ---------------------------------------------------------------------------------------


def test_modes_tell_dropout_and_augmentation_apart(make_trainer: MakeTrainer) -> None:
    measured = train(make_trainer(lambda: build(before=(layers.RandomFlip(),), drop=0.5)))
    assert measured.modes_reason == ""
    switched = {(mode.dropout, mode.augmentation, mode.batch_statistics) for mode in measured.modes}
    assert (True, True, True) in switched
    assert (False, True, True) in switched


def test_the_penalty_is_logged_by_itself(make_trainer: MakeTrainer) -> None:
    measured = train(make_trainer(build), epochs=1)
    (epoch,) = measured.epochs
    assert epoch.logged_penalty > 0
    assert epoch.logged_weighting == 0.0  # a plain cross-entropy has nothing beside it
    assert measured.penalty == pytest.approx(epoch.logged_penalty, rel=0.5)


def test_what_the_loss_has_beside_cross_entropy_is_told_apart(make_trainer: MakeTrainer) -> None:
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.3)
    measured = train(make_trainer(lambda: build(compiled={"optimizer": "sgd", "loss": loss})), epochs=1)
    (epoch,) = measured.epochs
    assert epoch.logged_weighting > 0.001


@pytest.mark.parametrize(
    ("last", "loss"),
    [
        (layers.Dense(1, activation="sigmoid"), "binary_crossentropy"),
        (layers.Dense(2), keras.losses.SparseCategoricalCrossentropy(from_logits=True)),
    ],
    ids=["sigmoid", "two logits"],
)
def test_modes_of_two_classes_in_one_output_or_two(
    make_trainer: MakeTrainer, last: keras.layers.Layer, loss: object, labels: IndexArray, split: SplitIndices
) -> None:
    def two() -> keras.Model:
        output = type(last).from_config(last.get_config())
        model = keras.Sequential([frozen_base(), layers.GlobalAveragePooling2D(), output])
        model.compile(keras.optimizers.Adam(0.3), loss)
        return model

    measured = train(make_trainer(two, classes=2), epochs=8, keep="last")
    assert measured.modes_reason == ""
    assert measured.train_accuracy > np.bincount(labels[split.train] % 2).max() / len(split.train)
    last_epoch = measured.epochs[-1]
    assert last_epoch.logged_validation_accuracy == pytest.approx(last_epoch.validation_accuracy)


def test_a_subclassed_model_has_its_clean_numbers_and_the_reason_for_the_rest(make_trainer: MakeTrainer) -> None:
    class Own(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.base, self.pool, self.out = frozen_base(), layers.GlobalMaxPooling2D(), layers.Dense(3, "softmax")

        def call(self, inputs: keras.KerasTensor, training: bool = False) -> keras.KerasTensor:
            return self.out(self.pool(self.base(inputs)))

    def own() -> keras.Model:
        model = Own()
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    measured = train(make_trainer(own))
    assert measured.modes == ()
    assert "(Own) trains in a way of its own" in measured.modes_reason
    assert 0 < measured.train_cross_entropy < 20


# ---- the hypermodel's own fit ----------------------------------------------------------------------------------------


def test_fit_declares_its_own_batch_size_and_gets_ours_where_it_does_not(make_trainer: MakeTrainer) -> None:
    seen: list[int] = []

    class Steps(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_begin(self, logs: object = None) -> None:
            seen.append(self.params["steps"])

    def own(model: keras.Model, *data: object, **options: object) -> object:
        return model.fit(*data, batch_size=35, **{**options, "callbacks": [Steps()]})  # ours is left out

    def ours(model: keras.Model, *data: object, **options: object) -> object:
        return model.fit(*data, **{**options, "callbacks": [*options["callbacks"], Steps()]})

    assert train(make_trainer(build, own), epochs=1).epochs_run == 1
    assert train(make_trainer(build, ours), epochs=1).epochs_run == 1
    assert seen == [2, 5]  # 70 images in batches of 35 and of 16


def test_two_phases_go_on_from_cut_to_whole(make_trainer: MakeTrainer) -> None:
    def two_phases(model: keras.Model, *data: object, **options: object) -> object:
        model.fit(*data, **options)
        model.layers[0].trainable = True
        model.compile(keras.optimizers.Adam(1e-4), model.loss)
        return model.fit(*data, **{**options, "epochs": 1})

    measured = train(make_trainer(build, two_phases), keep="last")
    assert [epoch.epoch for epoch in measured.epochs] == [1, 2, 3]
    assert measured.epochs[1].learning_rate == pytest.approx(0.03)
    assert measured.epochs[2].learning_rate == pytest.approx(1e-4)
    assert measured.cut == "input"
    assert measured.trainable_parameters > 99


def test_images_that_fit_changes_are_not_replaced(make_trainer: MakeTrainer) -> None:
    def brighter(model: keras.Model, x: NDArray[np.float32], y: IndexArray, **options: object) -> object:
        return model.fit(x * 1.1, y, **options)

    measured = train(make_trainer(build, brighter))
    assert measured.cut == "input"
    assert measured.modes == ()
    assert measured.modes_reason == "fit trains on other arrays than the images that it is given"


def test_the_images_cannot_be_written_into(make_trainer: MakeTrainer) -> None:
    def scale(model: keras.Model, x: NDArray[np.float32], y: IndexArray, **options: object) -> object:
        x /= 255
        return model.fit(x, y, **options)

    with pytest.raises(TrialError, match=r"mine:model, fit: received ValueError: .*read-only"):
        train(make_trainer(build, scale))


def test_a_loop_of_its_own_reports_through_the_callbacks(make_trainer: MakeTrainer) -> None:
    def loop(
        model: keras.Model,
        x: NDArray[np.float32],
        y: IndexArray,
        *,
        callbacks: list[keras.callbacks.Callback],
        epochs: int,
        **options: object,
    ) -> None:
        for callback in callbacks:
            callback.set_model(model)
        for epoch in range(100):
            model.train_on_batch(x[:16], y[:16])
            for callback in callbacks:
                callback.on_epoch_end(epoch, logs={"mine": 1.0})

    class Third:
        def epoch(self, record: EpochRecord) -> bool:
            return record.epoch < 3

    measured = train(make_trainer(build, loop), reporter=Third())
    assert (measured.epochs_run, measured.stopped) == (3, "pruned")
    # Keras has logged nothing, so the clean probe stands for it.
    assert measured.epochs[0].logged_train_accuracy == measured.epochs[0].train_accuracy


def test_a_pruned_trial_ends_whatever_fit_does_next(make_trainer: MakeTrainer) -> None:
    class First:
        def epoch(self, record: EpochRecord) -> bool:
            return False

    def again(model: keras.Model, *data: object, **options: object) -> None:
        for _ in range(3):
            model.fit(*data, **options)

    measured = train(make_trainer(build, again), reporter=First())
    assert (measured.epochs_run, measured.stopped) == (1, "pruned")


def test_patience_ends_it_and_the_best_epoch_is_kept(make_trainer: MakeTrainer) -> None:
    wild = {"optimizer": keras.optimizers.SGD(3.0), "loss": "sparse_categorical_crossentropy"}
    measured = train(make_trainer(lambda: build(compiled=wild)), epochs=6, patience=1)
    best = min(measured.epochs, key=lambda epoch: epoch.validation_cross_entropy)
    assert measured.selected_epoch == best.epoch
    assert measured.epochs_run == min(6, best.epoch + 1)
    assert measured.validation_cross_entropy == best.validation_cross_entropy


# ---- failures --------------------------------------------------------------------------------------------------------


def raising(error: BaseException) -> Callable[..., object]:
    def raises(*data: object, **options: object) -> object:
        raise error

    return raises


@pytest.mark.parametrize(
    ("build_it", "fit", "message"),
    [
        (raising(ValueError("no\nluck")), None, "mine:model, build: received ValueError: no luck; expected a build"),
        (raising(SystemExit(1)), None, "mine:model, build: received SystemExit: 1"),
        (lambda: "model", None, "received a str; expected a compiled keras.Model"),
        (frozen_base, None, "received a model that is not compiled"),
        (build, raising(RuntimeError("out of ideas")), "mine:model, fit: received RuntimeError: out of ideas"),
        (build, lambda *data, **options: None, "mine:model, fit: received no epoch of training"),
    ],
    ids=["build raises", "build exits", "no model", "not compiled", "fit raises", "fit does nothing"],
)
def test_what_somebodys_code_does_wrong_fails_the_trial(
    make_trainer: MakeTrainer, build_it: Build, fit: Callable[..., object] | None, message: str
) -> None:
    with pytest.raises(TrialError, match=message):
        train(make_trainer(build_it, fit))


def test_a_model_for_other_images_is_refused(make_trainer: MakeTrainer) -> None:
    def other() -> keras.Model:
        model = keras.Sequential([keras.Input((32, 32, 1)), layers.Flatten(), layers.Dense(3, "softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        return model

    with pytest.raises(TrialError, match=r"of shape \(32, 32, 1\); expected one input of shape \(24, 24, 3\)"):
        train(make_trainer(other))


def test_a_loss_that_is_no_number_fails_the_trial(make_trainer: MakeTrainer) -> None:
    wild = lambda: build(compiled={"optimizer": keras.optimizers.SGD(1e30), "loss": "categorical_crossentropy"})  # noqa: E731

    def swallowing(model: keras.Model, *data: object, **options: object) -> None:
        try:
            model.fit(*data, **options)
        except Exception:
            return

    with pytest.raises(TrialError, match="a loss of nan in epoch 1"):
        train(make_trainer(wild, swallowing))


def test_what_goes_wrong_with_a_value_is_no_fault_of_the_code(make_trainer: MakeTrainer) -> None:
    candidate = Scripted(raising(KeyError("x")))
    candidate.fault = DefinitionError("here", received="this", expected="that", remedy="mend it")
    with pytest.raises(DefinitionError, match="here"):
        train(make_trainer(candidate))  # type: ignore[arg-type]


# ---- splits ----------------------------------------------------------------------------------------------------------


def test_the_sealed_side_is_measured_by_the_same_training_on_the_same_frozen_part(
    make_trainer: MakeTrainer,
    pixels: NDArray[np.uint8],
    labels: IndexArray,
    split: SplitIndices,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[str] = []
    make_engine = hyper_frozen.make_engine
    monkeypatch.setattr(hyper_frozen, "make_engine", lambda model: made.append(model.name) or make_engine(model))
    models: list[keras.Model] = []
    trainer = make_trainer(lambda: models.append(build()) or models[-1])
    measured = trainer.train(configured(), seed=(0, 1), reporter=Unpruned())
    tested = trainer.holdout(configured(), seed=(0, 1))
    assert tested.measurement.validation_cross_entropy == measured.validation_cross_entropy
    shares = models[-1].predict(pixels[split.test].astype(np.float32), verbose=0)
    expected = evaluate(np.log(shares), labels[split.test])
    assert tested.cross_entropy == pytest.approx(expected.cross_entropy, abs=1e-4)
    assert (tested.prediction.side, tested.prediction.moment) == (Side.TEST, Moment.SELECTED)
    assert tested.prediction.predicted.tolist() == expected.predicted.tolist()
    assert made == ["frozen"]  # both trainings read what was computed once


def test_folds_are_trained_one_after_the_other(
    make_trainer: MakeTrainer, labels: IndexArray, split: SplitIndices
) -> None:
    halves = tuple(np.sort(half) for half in np.array_split(split.developed, 2))
    folded = SplitIndices(train=split.train[:0], validation=split.developed, test=split.test, folds=halves)
    measured = FoldTrainer(make_trainer(build), labels=labels, split=folded).train(
        configured(epochs=1), seed=(0, 1), reporter=Unpruned()
    )
    assert measured.folds == 2
    assert (measured.train_images, measured.validation_images) == (50, 50)


def test_sizes_are_known_before_training(make_trainer: MakeTrainer) -> None:
    described = make_trainer(build).describe(configured())
    assert (described.trainable_parameters, described.total_parameters, described.head_parameters) == (99, 355, 99)
    assert (described.file_bytes, described.cut, described.optimizer) == (4 * 355, "pool", "adam")
