"""E0 to E6 of five kinds of trial and of models of other people's, and what evaluation leaves as it was."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import keras
import numpy as np
import pytest
from keras import layers
from numpy.typing import NDArray

from sweep.backbones.catalog import Backbone
from sweep.records import EpochRecord, IndexArray, Measurement, ModeRecord, SplitIndices
from sweep.studyfile.definition import Configuration
from sweep.training.epochs import follow
from sweep.training.evaluation import evaluate
from sweep.training.fused import CompiledStructure
from sweep.training.fused_run import FusedRun
from sweep.training.measurement import Cost, measure
from sweep.training.modes import SwitchedModel, measure_model, measure_modes
from sweep.training.plain_run import PlainRun
from sweep.training.seeds import TrialSeeds
from sweep.training.structure import Structure
from sweep.training.switching import Mode
from sweep.training.task import Task
from sweep.training.trial import Reporter, Trainer

Configure = Callable[..., Configuration]
Float32 = NDArray[np.float32]

KINDS: dict[str, dict[str, object]] = {
    "frozen head": {"head_width": (16,), "l2": 1e-2},
    "unfrozen, training batch norm": {"unfrozen_layers": 8, "batch_norm": "train", "learning_rate": 1e-3},
    "augmentation": {"head_width": (16,), "dropout": 0.5, "augment_views": 2},
    "bottleneck": {"head_width": (4,), "dropout": 0.8, "dropout_position": "after_dense"},
    "augmented validation": {"augment_views": 2, "augment_validation": True, "class_weight": "balanced", "l2": 1e-2},
    "legacy batch norm": {"batch_norm": "legacy", "mixup": 0.4, "label_smoothing": 0.2, "l2": 1e-2, "epochs": 2},
    "the head alone": {"unfrozen_layers": 8, "batch_norm": "train", "head_epochs": 2, "epochs": 2},
}
SEED = np.random.SeedSequence(1)
NO_DROPOUT, NO_AUGMENTATION, NO_BATCH_NORM = "no dropout", "no augmentation", "no batch norm that trains"
UNCHANGED = {
    "frozen head": (NO_DROPOUT, NO_AUGMENTATION, NO_BATCH_NORM),
    "unfrozen, training batch norm": ("", NO_AUGMENTATION, ""),  # drop-connect
    "augmentation": ("", "", NO_BATCH_NORM),
    "bottleneck": ("", NO_AUGMENTATION, NO_BATCH_NORM),
    "augmented validation": (NO_DROPOUT, "", NO_BATCH_NORM),
    "legacy batch norm": (NO_DROPOUT, NO_AUGMENTATION, ""),
    "the head alone": ("", NO_AUGMENTATION, NO_BATCH_NORM),  # drop-connect; the batch norms learn later
}


@dataclasses.dataclass(frozen=True)
class Trained:
    """One kind by the cached and by the plain path, and the Keras model of the latter."""

    cached: Measurement
    judge: Measurement
    model: keras.Model

    @property
    def both(self) -> tuple[Measurement, Measurement]:
        return self.cached, self.judge


class Patient:
    def epoch(self, record: EpochRecord) -> bool:
        return True


@pytest.fixture(scope="module")
def trained(
    trainer: Trainer,
    backbone: Backbone,
    pixels: NDArray[np.uint8],
    views: NDArray[np.uint8],
    labels: IndexArray,
    split: SplitIndices,
    configure: Configure,
) -> dict[str, Trained]:
    found = {}
    for name, fields in KINDS.items():
        configuration, task, seeds = configure(**fields), Task.of(labels, split, 3), TrialSeeds.of((3,))
        settings, count = configuration.training, configuration.training.augment_views
        run = PlainRun(backbone, configuration, task, seeds, pixels, views[:count] if count else None)
        course = follow(run, task, settings, views=count, seeds=seeds, reporter=Patient())
        cost = Cost(parameters=run.parameters, cut="", start=0.0, compile_seconds=0.0)
        judge = measure(run, task, course, batch_size=settings.batch_size, seeds=seeds, cost=cost, thorough=False)
        cached = trainer.train(configuration, seed=(3,), reporter=Patient())
        found[name] = Trained(cached, judge, run.model)
    return found


def waterfall(found: Measurement) -> tuple[list[float], list[float]]:
    """E0 to E6 in accuracy and in cross-entropy."""
    assert [(one.dropout, one.augmentation, one.batch_statistics) for one in found.modes[:3]] == [
        (True, True, True),
        (False, True, True),
        (False, False, True),
    ]
    accuracies = [
        found.logged_train_accuracy,
        *(one.accuracy for one in found.modes[:3]),
        found.train_accuracy,
        found.validation_accuracy,
        found.logged_validation_accuracy,
    ]
    cross_entropies = [
        found.logged_train_loss - found.logged_penalty - found.logged_weighting,
        *(one.cross_entropy for one in found.modes[:3]),
        found.train_cross_entropy,
        found.validation_cross_entropy,
        found.logged_validation_loss - found.penalty,
    ]
    return accuracies, cross_entropies


@pytest.mark.parametrize("kind", KINDS)
def test_six_terms_make_up_the_gap_that_keras_prints(kind: str, trained: dict[str, Trained]) -> None:
    for found in trained[kind].both:
        accuracies, cross_entropies = waterfall(found)
        terms = -np.diff(accuracies)
        assert terms.sum() == pytest.approx(found.logged_train_accuracy - found.logged_validation_accuracy, abs=1e-12)
        # The loss has two rows more: penalties, at the end and in the mean, and what weights and labels add.
        rows = [*-np.diff(cross_entropies), found.logged_penalty - found.penalty, found.logged_weighting]
        assert sum(rows) == pytest.approx(found.logged_train_loss - found.logged_validation_loss, abs=1e-12)
        assert len(found.modes) == (4 if kind == "augmentation" else 3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_switch_that_changes_nothing_says_so_and_costs_nothing(kind: str, trained: dict[str, Trained]) -> None:
    for found in trained[kind].both:
        assert tuple(one.unchanged for one in found.modes[:3]) == UNCHANGED[kind]
        accuracies, cross_entropies = waterfall(found)
        for number, one in enumerate(found.modes[:3], 1):
            if one.unchanged:
                assert accuracies[number] == accuracies[number + 1]
                assert cross_entropies[number] == cross_entropies[number + 1]
                assert (one.accuracy_change_error, one.cross_entropy_change_error) == (0, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_both_paths_agree(kind: str, trained: dict[str, Trained]) -> None:
    """Clean numbers to rounding, the others within 4 standard errors of their masks."""
    cached, judge = trained[kind].both
    assert cached.train_accuracy == judge.train_accuracy
    assert cached.validation_accuracy == judge.validation_accuracy
    assert cached.train_cross_entropy == pytest.approx(judge.train_cross_entropy, abs=1e-5)
    assert cached.logged_validation_loss == pytest.approx(judge.logged_validation_loss, abs=1e-5)
    assert cached.logged_weighting == pytest.approx(judge.logged_weighting, abs=1e-5)
    assert cached.logged_penalty == pytest.approx(judge.logged_penalty, rel=1e-5)
    for mine, yours in zip(cached.modes, judge.modes, strict=True):
        assert (mine.unchanged, mine.draws) == (yours.unchanged, yours.draws)
        noise = math.hypot(mine.cross_entropy_noise, yours.cross_entropy_noise)
        assert mine.cross_entropy == pytest.approx(yours.cross_entropy, abs=4 * noise + 1e-5)
        noise = math.hypot(mine.accuracy_noise, yours.accuracy_noise)
        assert mine.accuracy == pytest.approx(yours.accuracy, abs=4 * noise + 1e-12)


def test_legacy_batch_norm_hides_from_training_what_validation_meets(
    trained: dict[str, Trained], trainer: Trainer, configure: Configure, reporter: Reporter
) -> None:
    """The images have another scale than the moving statistics of the backbone, which nothing in training moves."""
    for found in trained["legacy batch norm"].both:
        third = found.modes[2]
        assert third.cross_entropy != pytest.approx(found.train_cross_entropy, abs=0.05)
        assert third.cross_entropy_change_error < abs(third.cross_entropy - found.train_cross_entropy)
    kept = trained["legacy batch norm"].cached
    assert kept.trainable_parameters == 24 * 3 + 3
    # With a learning rate of nothing validation is that of the backbone as it was built.
    still = {"learning_rate": 1e-30, "epochs": 1}
    legacy = trainer.train(configure(batch_norm="legacy", **still), seed=(3,), reporter=reporter)
    frozen = trainer.train(configure(**still), seed=(3,), reporter=reporter)
    assert legacy.validation_cross_entropy == pytest.approx(frozen.validation_cross_entropy, rel=1e-5)
    assert legacy.logged_train_loss != pytest.approx(frozen.logged_train_loss, abs=0.05)
    assert frozen.modes[2].cross_entropy == frozen.train_cross_entropy


def test_masks_take_away_what_the_clean_weights_know(configure: Configure) -> None:
    """One feature of 1 that is dropped with 0.8, else 5; logit 0 is the feature: ln 2, or ln(1 + e^−5)."""
    configuration = configure(dropout=0.8)
    structure = Structure.of(configuration, input_shape=(1,), num_classes=2, tail=())
    compiled = CompiledStructure(structure, configuration.model, None)
    compiled.begin(configuration, TrialSeeds.of((1,)))
    images = 1000
    run = FusedRun(compiled, clean=np.ones((images, 1), np.float32), views=None)
    run.restore([np.array([[1, 0]]), np.zeros(2)])
    labels = np.zeros(images, np.int64)
    split = SplitIndices(train=np.arange(images), validation=np.arange(0), test=np.arange(0))
    clean = evaluate(run.logits(split.train), labels)
    assert clean.cross_entropy == pytest.approx(math.log1p(math.exp(-1)), rel=1e-6)
    task = Task.of(labels, split, 2)
    first, *_ = measure_modes(run.subject, task, clean, batch_size=16, seed=SEED, thorough=False)
    dropped, kept = math.log(2), math.log1p(math.exp(-5))
    noise = math.sqrt(0.8 * 0.2 / (4 * images)) * (dropped - kept)
    assert first.cross_entropy == pytest.approx(0.8 * dropped + 0.2 * kept, abs=4 * noise)
    assert first.cross_entropy_noise == pytest.approx(noise, rel=0.1)
    # Means over 4 masks have half the deviation of one; clean is the same for all.
    assert first.cross_entropy_change_error == pytest.approx(noise, rel=0.1)


def test_views_are_another_thing_than_the_images(trained: dict[str, Trained]) -> None:
    found = trained["augmented validation"].cached
    first, second, _ = found.modes
    assert first.cross_entropy == second.cross_entropy != found.train_cross_entropy
    assert second.cross_entropy_noise > 0
    assert found.logged_validation_loss - found.penalty != pytest.approx(found.validation_cross_entropy, abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_clean_numbers_are_those_of_plain_keras(
    kind: str,
    backbone: Backbone,
    pixels: NDArray[np.uint8],
    labels: IndexArray,
    split: SplitIndices,
    trained: dict[str, Trained],
) -> None:
    images, model, smoothing = backbone.preprocess(pixels), trained[kind].model, KINDS[kind].get("label_smoothing", 0.0)
    model.compile(
        loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing),
        metrics=["accuracy", keras.metrics.CategoricalCrossentropy(from_logits=True)],
    )
    for side in ("train", "validation"):
        rows = getattr(split, side)
        loss, right, plain = model.evaluate(images[rows], np.eye(3)[labels[rows]], verbose=0)
        for found in trained[kind].both:
            assert getattr(found, f"{side}_accuracy") == pytest.approx(right, abs=1e-6)
            assert getattr(found, f"{side}_cross_entropy") == pytest.approx(plain, abs=1e-6)
            if side == "validation" and kind != "augmented validation":
                assert found.logged_validation_loss == pytest.approx(loss, abs=1e-6)


def test_evaluation_leaves_every_variable_as_it_was(
    labels: IndexArray, split: SplitIndices, configure: Configure, reporter: Reporter
) -> None:
    """Weights, moving statistics, optimizer, knobs and generators, bit for bit."""
    inputs = keras.Input((6,))
    tail = keras.Model(inputs, layers.Dropout(0.5)(layers.BatchNormalization()(layers.Dense(8)(inputs))), name="tail")
    configuration = configure(head_width=(4,), dropout=0.5, unfrozen_layers=3, batch_norm="train")
    structure = Structure.of(configuration, input_shape=(6,), num_classes=3, tail=("here",))
    compiled = CompiledStructure(structure, configuration.model, tail)
    task, seeds = Task.of(labels, split, 3), TrialSeeds.of((1,))
    generator = np.random.default_rng(0)
    features = generator.random((len(labels), 6), np.float32)
    views = generator.random((2, len(split.developed), 6), np.float32)
    compiled.begin(configuration, seeds)
    run = FusedRun(compiled, clean=features, views=views)
    course = follow(run, task, configuration.training, views=2, seeds=seeds, reporter=reporter)

    knobs = compiled._knobs
    variables = [
        *compiled.model.variables,
        *compiled._optimizer.variables,
        *(*knobs.rates, *knobs.seeds, knobs.step, knobs.l2, knobs.class_weights),
    ]
    assert any("seed_generator" in variable.path for variable in variables)
    assert any("moving_mean" in variable.path for variable in variables)
    before = [np.array(variable.value) for variable in variables]
    random_state = np.random.get_state()[1].copy()  # type: ignore[index]
    clean = evaluate(run.logits(split.train), labels[split.train])
    found = [measure_modes(run.subject, task, clean, batch_size=16, seed=seeds.modes, thorough=True) for _ in range(2)]
    assert len(course.epochs) == 3
    assert len(found[0]) == 7
    assert not any(one.unchanged for one in found[0])
    assert [dataclasses.astuple(one)[:8] for one in found[0]] == [dataclasses.astuple(one)[:8] for one in found[1]]
    for variable, value in zip(variables, before, strict=True):
        np.testing.assert_array_equal(np.array(variable.value), value, err_msg=variable.path, strict=True)
    assert np.array_equal(np.random.get_state()[1], random_state)  # type: ignore[index]
    assert len(compiled.model.losses) == 2  # of the two kernels of the head, none left behind


def test_two_runs_of_one_seed_agree(
    trainer: Trainer, configure: Configure, reporter: Reporter, trained: dict[str, Trained]
) -> None:
    for kind in ("unfrozen, training batch norm", "augmented validation"):
        again = trainer.train(configure(**KINDS[kind]), seed=(3,), reporter=reporter)
        assert again.modes == trained[kind].cached.modes
        assert again.logged_validation_loss == trained[kind].cached.logged_validation_loss


def test_a_mode_is_traced_once_for_all_trials_of_a_structure(
    configure: Configure, labels: IndexArray, split: SplitIndices
) -> None:
    configuration = configure(head_width=(4,), dropout=0.5)
    structure = Structure.of(configuration, input_shape=(6,), num_classes=3, tail=())
    compiled = CompiledStructure(structure, configuration.model, None)
    task = Task.of(labels, split, 3)
    for rate in (0.5, 0.1):
        compiled.begin(configure(head_width=(4,), dropout=rate), TrialSeeds.of((1,)))
        run = FusedRun(compiled, clean=np.ones((len(labels), 6), np.float32), views=None)
        clean = evaluate(run.logits(split.train), labels[split.train])
        measure_modes(run.subject, task, clean, batch_size=16, seed=np.random.SeedSequence(1), thorough=False)
    (function,) = compiled.switched._functions.values()
    assert function.experimental_get_tracing_count() == 1  # type: ignore[attr-defined]


# ---- models of other people's ----------------------------------------------------------------------------------------

IMAGES = np.random.default_rng(0).normal(0.5, 1.0, (40, 8, 8, 3)).astype(np.float32)
ANSWERS = np.random.default_rng(1).integers(3, size=40)


def classifier(*, softmax: bool = False, kind: type[keras.Model] = keras.Model) -> keras.Model:
    """Flips, normalises by the batch, drops out and classifies."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((8, 8, 3))
    tensor = layers.RandomFlip("horizontal", seed=1)(inputs)
    tensor = layers.Flatten()(layers.BatchNormalization(name="norm")(tensor))
    outputs = layers.Dense(3, activation="softmax" if softmax else None)(layers.Dropout(0.5, seed=2)(tensor))
    return kind(inputs, outputs)


def by_name(modes: tuple[ModeRecord, ...]) -> dict[tuple[bool, bool, bool], ModeRecord]:
    return {(one.dropout, one.augmentation, one.batch_statistics): one for one in modes}


def test_any_keras_model_has_its_modes() -> None:
    found = measure_model(classifier(), IMAGES, ANSWERS, batch_size=16, seed=SEED, from_logits=True)
    assert found.reason == ""
    assert [one.unchanged for one in found.modes] == ["", "", ""]
    assert [one.draws for one in found.modes] == [2, 2, 2]
    thorough = measure_model(classifier(), IMAGES, ANSWERS, batch_size=16, seed=SEED, from_logits=True, thorough=True)
    assert len(thorough.modes) == 7


def test_probabilities_are_read_as_such() -> None:
    arguments = {"batch_size": 16, "seed": SEED}
    logits = measure_model(classifier(), IMAGES, ANSWERS, from_logits=True, **arguments)  # type: ignore[arg-type]
    shares = measure_model(classifier(softmax=True), IMAGES, ANSWERS, from_logits=False, **arguments)  # type: ignore[arg-type]
    assert shares.clean.cross_entropy == pytest.approx(logits.clean.cross_entropy, abs=1e-5)
    for one, other in zip(shares.modes, logits.modes, strict=True):
        assert one.cross_entropy == pytest.approx(other.cross_entropy, abs=1e-5)


def test_batch_statistics_are_those_of_the_batch() -> None:
    """With one batch of all images, E3 is the model whose moving statistics are those of all images."""
    model = classifier()
    found = measure_model(model, IMAGES, ANSWERS, batch_size=40, seed=SEED, from_logits=True)
    third = by_name(found.modes)[False, False, True]
    norm = model.get_layer("norm")
    norm.moving_mean.assign(IMAGES.mean(axis=(0, 1, 2)))
    norm.moving_variance.assign(IMAGES.var(axis=(0, 1, 2)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    expected = float(loss(ANSWERS, model(IMAGES, training=False)))
    assert third.cross_entropy == pytest.approx(expected, abs=1e-5)
    assert found.clean.cross_entropy != pytest.approx(expected, abs=1e-2)
    assert third.cross_entropy_noise == pytest.approx(0, abs=1e-6)  # the same batch in every draw


def test_each_batch_has_masks_of_its_own_and_none_repeats() -> None:
    inputs = keras.Input((50,))
    switchable = SwitchedModel(keras.Model(inputs, layers.Dropout(0.5)(inputs)))
    ones = keras.ops.ones((4, 50))
    first, second = switchable.logits(Mode(True, False, False), [ones, ones])
    assert not np.array_equal(first, second)
    again = next(iter(switchable.logits(Mode(True, False, False), [ones])))
    np.testing.assert_array_equal(first, again)  # nothing went on in between


class OwnStep(keras.Model):  # type: ignore[misc]
    def train_step(self, data: object) -> dict[str, float]:
        raise NotImplementedError


def test_a_model_that_trains_in_its_own_way_has_its_clean_numbers() -> None:
    model = classifier(kind=OwnStep)
    found = measure_model(model, IMAGES, ANSWERS, batch_size=16, seed=SEED, from_logits=True)
    assert (found.modes, found.reason) == ((), "the model has a train_step of its own")
    assert found.clean.accuracy == (model.predict(IMAGES, verbose=0).argmax(1) == ANSWERS).mean()
