"""Masks, shared memory and compiled functions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sweep.errors import TrialError
from sweep.studyfile.definition import Configuration
from sweep.training.fused import CompiledStructure, FusedRun, draw_mask, share, translated
from sweep.training.seeds import TrialSeeds
from sweep.training.structure import Structure
from sweep.training.task import draw_batches

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
    structure = Structure.of(configuration, input_shape=(width,), num_classes=2, tail_cut=None)
    return CompiledStructure(structure, configuration.model, None)


def test_a_step_of_gradient_descent_worked_out_by_hand(configure: Configure) -> None:
    """Two images, weights 0: softmax gives (1/2, 1/2), so the gradient of the logits is ±1/2, averaged over both."""
    configuration = configure(optimizer="sgd", learning_rate=0.5)
    compiled = make(configuration, 2)
    compiled.begin(configuration, TrialSeeds.of((1,)))
    run = FusedRun(compiled, clean=np.array([[1, 0], [0, 2]], np.float32), views=None)
    run.restore([np.zeros((2, 2)), np.zeros(2)])
    logged = run.run_epoch(draw_batches(np.arange(2), np.array([0, 1]), 2, np.random.default_rng(0)))
    assert logged.accuracy == 0.5
    assert logged.loss == pytest.approx(np.log(2))
    assert (logged.penalty, logged.weighting) == (0, 0)
    kernel, bias = run.weights()
    np.testing.assert_allclose(kernel, [[0.125, -0.125], [-0.25, 0.25]], rtol=1e-6)
    np.testing.assert_allclose(bias, [0, 0], atol=1e-7)
    np.testing.assert_allclose(run.logits(np.array([1])), [[-0.5, 0.5]], rtol=1e-6)


def test_rows_that_fill_up_the_last_batch_do_not_count(configure: Configure) -> None:
    """Three images in batches of two train as a batch of two and a batch of one."""
    configuration = configure(optimizer="sgd", learning_rate=0.5)
    compiled = make(configuration, 1)
    features = np.array([[1], [1], [1]], np.float32)
    compiled.begin(configuration, TrialSeeds.of((1,)))
    run = FusedRun(compiled, clean=features, views=None)
    run.restore([np.zeros((1, 2)), np.zeros(2)])
    logged = run.run_epoch(draw_batches(np.arange(3), np.zeros(3, np.int64), 2, np.random.default_rng(0)))
    # After the first step weights and biases are ±1/4, so the logits ±1/2.
    assert logged.loss == pytest.approx((2 * np.log(2) + np.log(1 + np.exp(-1))) / 3)


def test_the_penalty_is_in_the_loss(configure: Configure) -> None:
    configuration = configure(optimizer="sgd", learning_rate=1e-6, l2=0.1)
    compiled = make(configuration, 1)
    compiled.begin(configuration, TrialSeeds.of((1,)))
    run = FusedRun(compiled, clean=np.zeros((2, 1), np.float32), views=None)
    run.restore([np.array([[3, 4]]), np.zeros(2)])
    assert run.penalty() == pytest.approx(2.5)
    logged = run.run_epoch(draw_batches(np.arange(2), np.zeros(2, np.int64), 2, np.random.default_rng(0)))
    assert logged.loss == pytest.approx(np.log(2) + 2.5, rel=1e-5)
    assert logged.penalty == pytest.approx(2.5, rel=1e-5)
    assert logged.weighting == 0


def test_class_weights_multiply_the_training_loss_and_the_gradient(configure: Configure) -> None:
    """Three images at weights 0, one of them of class 1: each cross-entropy is ln 2, times 1/2 or 3."""
    configuration = configure(optimizer="sgd", learning_rate=1.0)
    compiled = make(configuration, 1)
    compiled.begin(configuration, TrialSeeds.of((1,)), np.array([0.5, 3.0], np.float32))
    run = FusedRun(compiled, clean=np.ones((3, 1), np.float32), views=None)
    run.restore([np.zeros((1, 2)), np.zeros(2)])
    logged = run.run_epoch(draw_batches(np.arange(3), np.array([0, 1, 0]), 3, np.random.default_rng(0)))
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
