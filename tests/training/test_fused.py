"""Masks, shared memory and compiled functions."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import keras
import numpy as np
import pytest

from sweep.errors import TrialError
from sweep.studyfile.definition import Configuration
from sweep.training.evaluation import evaluate
from sweep.training.fused import CompiledStructure, draw_mask, share, translated
from sweep.training.fused_run import FusedRun
from sweep.training.learning_rate import learning_rates
from sweep.training.seeds import TrialSeeds
from sweep.training.structure import Structure
from sweep.training.switching import Mode
from sweep.training.task import Mixing, draw_batches

Configure = Callable[..., Configuration]
Mask = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


def mask(shape: tuple[int, ...], rate: float, seed: tuple[int, int]) -> Mask:
    drawn: Mask = draw_mask(shape, np.float32(rate), np.array(seed, np.int32)).numpy()
    return drawn


@pytest.mark.parametrize("rate", [0.0, 0.2, 0.5, 0.9])
def test_a_mask_drops_its_share_and_scales_the_rest(rate: float) -> None:
    drawn = mask((200, 500), rate, (1, 2))
    np.testing.assert_allclose(drawn[drawn != 0], 1 / (1 - rate), rtol=1e-6)
    assert (drawn == 0).mean() == pytest.approx(rate, abs=0.006)  # 4 standard errors of 100,000 values
    assert drawn.mean() == pytest.approx(1, abs=0.04)


def test_a_mask_follows_from_its_seed() -> None:
    one = mask((64, 64), 0.5, (1, 2))
    np.testing.assert_array_equal(one, mask((64, 64), 0.5, (1, 2)))
    for other in ((1, 3), (2, 2)):
        assert (one == mask((64, 64), 0.5, other)).mean() == pytest.approx(0.5, abs=0.04)


def test_values_of_one_random_word_are_independent() -> None:
    # The first and the second half of the rows come from the two halves of the same words.
    drawn = mask((128, 512), 0.5, (1, 2)) > 0
    assert (drawn[:64] == drawn[64:]).mean() == pytest.approx(0.5, abs=0.012)


def test_an_odd_number_of_rows_has_its_mask_too() -> None:
    assert mask((7, 3, 2), 0.5, (1, 2)).shape == (7, 3, 2)


def test_sharing_copies_nothing_that_is_aligned() -> None:
    tensor = share(np.arange(6, dtype=np.float32).reshape(2, 3))
    np.testing.assert_array_equal(tensor.numpy(), [[0, 1, 2], [3, 4, 5]])


def test_memory_that_does_not_suffice_is_told_with_what_to_lower() -> None:
    with (
        pytest.raises(TrialError, match=r"more activations and weights than memory holds.*lower batch_size"),
        translated(),
    ):
        raise MemoryError


def make(configuration: Configuration, width: int) -> CompiledStructure:
    structure = Structure.of(configuration, input_shape=(width,), num_classes=2, tail=())
    return CompiledStructure(structure, configuration.model, None)


def test_a_step_of_gradient_descent_worked_out_by_hand(configure: Configure) -> None:
    """Two images, weights 0: softmax gives (1/2, 1/2), so the gradient of the logits is ±1/2, averaged over both."""
    configuration = configure(optimizer="sgd")
    compiled = make(configuration, 2)
    compiled.begin(configuration, TrialSeeds.of((1,)))
    run = FusedRun(compiled, clean=np.array([[1, 0], [0, 2]], np.float32), views=None)
    run.restore([np.zeros((2, 2)), np.zeros(2)])
    logged = run.run_epoch(draw_batches(np.arange(2), np.array([0, 1]), 2, np.random.default_rng(0), rates=0.5))
    assert logged.accuracy == 0.5
    assert logged.loss == pytest.approx(np.log(2))
    assert (logged.penalty, logged.weighting) == (0, 0)
    kernel, bias = run.weights()
    np.testing.assert_allclose(kernel, [[0.125, -0.125], [-0.25, 0.25]], rtol=1e-6)
    np.testing.assert_allclose(bias, [0, 0], atol=1e-7)
    np.testing.assert_allclose(run.logits(np.array([1])), [[-0.5, 0.5]], rtol=1e-6)


def test_each_step_has_the_rate_that_was_given_as_keras_schedules_have_it(configure: Configure) -> None:
    class Given(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
        def __call__(self, step: object) -> object:
            return keras.ops.take(rates[0], keras.ops.cast(step, "int32"))

    configuration = configure(
        optimizer="sgd", momentum=0.9, learning_rate=0.5, schedule="cosine", warmup_epochs=1, decay=0.1, epochs=3
    )
    generator = np.random.default_rng(0)
    features, labels = generator.random((10, 4), np.float32), generator.integers(2, size=10)
    rates = learning_rates(configuration.training, 3).reshape(1, -1)
    compiled = make(configuration, 4)
    compiled.begin(configuration, TrialSeeds.of((1,)))
    run = FusedRun(compiled, clean=features, views=None)
    theirs = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    theirs.set_weights(run.weights())
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    theirs.compile(keras.optimizers.SGD(Given(), momentum=0.9), loss)
    for epoch in range(3):
        chosen = rates[0, 3 * epoch : 3 * epoch + 3]
        run.run_epoch(draw_batches(np.arange(10), labels, 4, None, rates=chosen))
        theirs.fit(features, labels, batch_size=4, shuffle=False, verbose=0)
    for mine, yours in zip(run.weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, yours, rtol=1e-4, atol=1e-6)


def test_a_mixed_step_worked_out_by_hand(configure: Configure) -> None:
    """Two images, weights 0: of (0.75, 0.25) and (0.25, 0.75) both labels and both features."""
    configuration = configure(optimizer="sgd", mixup=1.0)
    compiled = make(configuration, 2)
    compiled.begin(configuration, TrialSeeds.of((1,)))
    run = FusedRun(compiled, clean=np.array([[4, 0], [0, 8]], np.float32), views=None)
    run.restore([np.zeros((2, 2)), np.zeros(2)])
    mixing = Mixing(partners=np.array([[1, 0]], np.int32), shares=np.array([0.75], np.float32))
    batches = draw_batches(np.arange(2), np.array([0, 1]), 2, None, rates=1.0)
    logged = run.run_epoch(dataclasses.replace(batches, mixing=mixing))
    assert logged.accuracy == 0.5  # of equal logits the first class; the larger share's label counts
    assert (logged.loss, logged.weighting) == (pytest.approx(np.log(2)), pytest.approx(0, abs=1e-7))
    # Features (3, 2) and (1, 6), errors of logit 0: 1/2 − 3/4 and 1/2 − 1/4, averaged.
    kernel, bias = run.weights()
    np.testing.assert_allclose(kernel[:, 0], [(3 / 4 - 1 / 4) / 2, (2 / 4 - 6 / 4) / 2], rtol=1e-6)
    np.testing.assert_allclose(bias, [0, 0], atol=1e-7)


def test_label_smoothing_worked_out_by_hand(configure: Configure) -> None:
    """An image of class 0 with shares 3/4 and 1/4; smoothed by 0.2 its label is (0.9, 0.1)."""
    configuration = configure(optimizer="sgd", label_smoothing=0.2)
    compiled = make(configuration, 1)
    compiled.begin(configuration, TrialSeeds.of((1,)))
    run = FusedRun(compiled, clean=np.ones((1, 1), np.float32), views=None)
    run.restore([np.zeros((1, 2)), np.array([np.log(3), 0])])
    logged = run.run_epoch(draw_batches(np.arange(1), np.zeros(1, np.int64), 1, None, rates=1.0))
    plain, trained = np.log(4 / 3), 0.9 * np.log(4 / 3) + 0.1 * np.log(4)
    assert (logged.loss, logged.weighting) == (pytest.approx(trained), pytest.approx(trained - plain))
    np.testing.assert_allclose(run.weights()[1], [np.log(3) + 0.9 - 0.75, 0.1 - 0.25], rtol=1e-5)


def tail_of(*parts: keras.layers.Layer) -> keras.Model:
    inputs = keras.Input((3,))
    return keras.Model(inputs, keras.Sequential(parts)(inputs), name="tail")


class NoWayBack(keras.layers.Layer):  # type: ignore[misc]
    """Does nothing, and fails where a gradient goes through it."""

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        @keras.ops.custom_gradient
        def forwards(tensor: keras.KerasTensor) -> tuple[keras.KerasTensor, Callable[..., object]]:
            def backwards(*args: object, upstream: object = None) -> object:
                raise AssertionError("a gradient went back")

            return tensor, backwards

        return forwards(inputs)


def test_a_tail_in_which_nothing_trains_is_no_hindrance(configure: Configure) -> None:
    """Legacy batch norm: the batch's statistics, none of which stays, and no gradient."""
    norm = keras.layers.BatchNormalization(momentum=1.0)
    tail = tail_of(norm, NoWayBack())
    norm.gamma.trainable = norm.beta.trainable = False
    configuration = configure(optimizer="sgd")
    structure = Structure.of(configuration, input_shape=(3,), num_classes=2, tail=("legacy",))
    compiled = CompiledStructure(structure, configuration.model, tail)
    compiled.begin(configuration, TrialSeeds.of((1,)))
    features = np.random.default_rng(0).normal(7, 3, (8, 3)).astype(np.float32)
    run = FusedRun(compiled, clean=features, views=None)
    before = [np.array(weight) for weight in norm.weights]
    kernel = np.array([[1, 0], [0, 1], [0, 0]], np.float32)
    compiled.model.get_layer("logits").set_weights([kernel, np.zeros(2)])
    labels = np.arange(8) % 2
    logged = run.run_epoch(draw_batches(np.arange(8), labels, 8, None, rates=1e-20))
    normal = (features - features.mean(0)) / np.sqrt(features.var(0) + norm.epsilon)
    expected = evaluate((normal @ kernel).astype(np.float32), labels).cross_entropy
    assert logged.loss == pytest.approx(expected, rel=1e-4)
    for weight, value in zip(norm.weights, before, strict=True):
        np.testing.assert_array_equal(weight, value)


def test_while_the_head_trains_alone_the_tail_rests(configure: Configure) -> None:
    tail = tail_of(keras.layers.Dense(4), keras.layers.BatchNormalization())
    configuration = configure(unfrozen_layers=2, batch_norm="train")
    structure = Structure.of(configuration, input_shape=(3,), num_classes=2, tail=("two layers",))
    compiled = CompiledStructure(structure, configuration.model, tail)
    compiled.begin(configuration, TrialSeeds.of((1,)))
    features = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
    run = FusedRun(compiled, clean=features, views=None)
    batches = draw_batches(np.arange(8), np.arange(8) % 2, 8, None, rates=0.1)
    start = [np.array(weight) for weight in tail.weights]
    expected = evaluate(run.logits(np.arange(8)), np.arange(8) % 2).cross_entropy
    run.begin_phase(head_only=True)
    assert run.run_epoch(batches).loss == pytest.approx(expected, rel=1e-5)
    assert run.subject.switches.active == Mode(False, False, False)
    for weight, value in zip(tail.weights, start, strict=True):
        np.testing.assert_array_equal(weight, value)
    assert run.run_epoch(batches).loss < expected
    run.begin_phase(head_only=False)
    assert not any(np.any(variable) for variable in compiled._optimizer.variables)
    run.run_epoch(batches)
    assert run.subject.switches.active == Mode(False, False, True)
    assert all(not np.array_equal(weight, value) for weight, value in zip(tail.weights[:6], start[:6], strict=True))
    assert all(variable.trainable for variable in tail.weights[:4])


def test_what_learns_nothing_does_as_in_training_while_the_head_trains_alone(configure: Configure) -> None:
    """As in a frozen base of Keras: dropout drops, and legacy batch norm takes the batch's statistics."""
    legacy = keras.layers.BatchNormalization(momentum=1.0)
    tail = tail_of(legacy, keras.layers.BatchNormalization(), keras.layers.Dropout(0.5, seed=1))
    legacy.gamma.trainable = legacy.beta.trainable = False
    configuration = configure(optimizer="sgd")
    structure = Structure.of(configuration, input_shape=(3,), num_classes=2, tail=("three layers",))
    compiled = CompiledStructure(structure, configuration.model, tail)
    compiled.begin(configuration, TrialSeeds.of((1,)))
    run = FusedRun(compiled, clean=np.random.default_rng(0).normal(7, 3, (8, 3)).astype(np.float32), views=None)
    run.begin_phase(head_only=True)
    switches = run.subject.switches
    assert switches.active == Mode(True, False, True)
    batch = keras.ops.convert_to_tensor(run.subject.clean(np.arange(8)))
    (seen,) = run.subject.model.logits(Mode(False, False, True), [batch])
    whole = (batch - np.mean(batch, 0)) / np.sqrt(np.var(batch, 0) + 1e-3) / np.sqrt(1 + 1e-3)
    kernel, bias = compiled.model.get_layer("logits").get_weights()
    np.testing.assert_allclose(seen, whole @ kernel + bias, rtol=1e-3, atol=1e-4)


def test_half_precision_trains_as_single_precision_does(configure: Configure) -> None:
    """On a CPU, to which it is not offered: kernels in float16, weights, logits and masks in float32."""
    generator = np.random.default_rng(0)
    features, labels = generator.normal(size=(8, 6)).astype(np.float32), np.arange(8) % 2
    found = []
    for mixed in (False, True):
        configuration = configure(
            optimizer="sgd", mixed_precision=mixed, head_width=(4,), dropout=0.5, l2=1e-2, head_batch_norm=True
        )
        compiled = make(configuration, 6)
        compiled.begin(configuration, TrialSeeds.of((1,)))
        run = FusedRun(compiled, clean=features, views=None)
        losses = [run.run_epoch(draw_batches(np.arange(8), labels, 8, None, rates=0.1)).loss for _ in range(3)]
        assert run.logits(np.arange(8)).dtype == np.float32
        assert (compiled.model.get_layer("dense_1").compute_dtype == "float16") == mixed
        found.append(losses)
    assert found[1] == pytest.approx(found[0], rel=1e-3)
    assert found[1] != found[0]


def test_rows_that_fill_up_the_last_batch_do_not_count(configure: Configure) -> None:
    """Three images in batches of two train as a batch of two and a batch of one."""
    configuration = configure(optimizer="sgd")
    compiled = make(configuration, 1)
    features = np.array([[1], [1], [1]], np.float32)
    compiled.begin(configuration, TrialSeeds.of((1,)))
    run = FusedRun(compiled, clean=features, views=None)
    run.restore([np.zeros((1, 2)), np.zeros(2)])
    logged = run.run_epoch(draw_batches(np.arange(3), np.zeros(3, np.int64), 2, np.random.default_rng(0), rates=0.5))
    # After the first step weights and biases are ±1/4, so the logits ±1/2.
    assert logged.loss == pytest.approx((2 * np.log(2) + np.log(1 + np.exp(-1))) / 3)


def test_the_penalty_is_in_the_loss(configure: Configure) -> None:
    configuration = configure(optimizer="sgd", l2=0.1)
    compiled = make(configuration, 1)
    compiled.begin(configuration, TrialSeeds.of((1,)))
    run = FusedRun(compiled, clean=np.zeros((2, 1), np.float32), views=None)
    run.restore([np.array([[3, 4]]), np.zeros(2)])
    assert run.penalty() == pytest.approx(2.5)
    logged = run.run_epoch(draw_batches(np.arange(2), np.zeros(2, np.int64), 2, np.random.default_rng(0), rates=1e-6))
    assert logged.loss == pytest.approx(np.log(2) + 2.5, rel=1e-5)
    assert logged.penalty == pytest.approx(2.5, rel=1e-5)
    assert logged.weighting == 0


def test_class_weights_multiply_the_training_loss_and_the_gradient(configure: Configure) -> None:
    """Three images at weights 0, one of them of class 1: each cross-entropy is ln 2, times 1/2 or 3."""
    configuration = configure(optimizer="sgd")
    compiled = make(configuration, 1)
    compiled.begin(configuration, TrialSeeds.of((1,)), np.array([0.5, 3.0], np.float32))
    run = FusedRun(compiled, clean=np.ones((3, 1), np.float32), views=None)
    run.restore([np.zeros((1, 2)), np.zeros(2)])
    logged = run.run_epoch(draw_batches(np.arange(3), np.array([0, 1, 0]), 3, np.random.default_rng(0), rates=1.0))
    assert logged.loss == pytest.approx(np.log(2) * (0.5 + 0.5 + 3) / 3)
    assert logged.weighting == pytest.approx(np.log(2) * (4 / 3 - 1))
    # The gradient of logit 0 is −1/2 for class 0, +1/2 for class 1: −(−1/2 · 1/2 · 2 + 1/2 · 3) / 3 = −1/3.
    np.testing.assert_allclose(run.weights()[1], [-1 / 3, 1 / 3], rtol=1e-5)


def test_views_are_rows_of_one_table(configure: Configure) -> None:
    configuration = configure()
    compiled = make(configuration, 1)
    compiled.begin(configuration, TrialSeeds.of((1,)))
    views = np.array([[[1], [2]], [[3], [4]]], np.float32)
    run = FusedRun(compiled, clean=np.zeros((5, 1), np.float32), views=views)
    run.restore([np.array([[1, 0]]), np.zeros(2)])
    np.testing.assert_allclose(run.view_logits(np.array([3, 0, 2])), [[4, 0], [1, 0], [3, 0]])
    np.testing.assert_allclose(run.logits(np.array([4])), [[0, 0]])
