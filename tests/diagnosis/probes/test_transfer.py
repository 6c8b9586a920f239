"""What a probe loses from one side to the other, against explicit fits, and orders of classes that are made up."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import fisher_exact

from sweep.diagnosis.probes.domain import Sides
from sweep.diagnosis.probes.transfer import Answers, Transfer, best_reordering, transfer
from sweep.diagnosis.ridge import RidgeProbe, one_hot
from sweep.diagnosis.statistics import unpaired_difference, wilson

World = tuple[NDArray[np.float64], NDArray[np.int64]]


def sides_of(world: World, validation: NDArray[np.bool_], sources: NDArray[np.int64] | None = None) -> Sides:
    features, labels = world
    return Sides(features=features, labels=labels, validation=validation, sources=sources, num_classes=3)


def moved(sides: Sides, draws: int = 999) -> Transfer:
    return transfer(sides, rng=np.random.default_rng(4), draws=draws)


def answers(truth: list[int], predicted: list[int], sources: list[int] | None = None) -> Answers:
    return Answers(
        truth=np.array(truth), predicted=np.array(predicted), sources=None if sources is None else np.array(sources)
    )


def test_both_sides_are_answered_by_fits_that_did_not_see_them(feature_world: Callable[..., World]) -> None:
    features, labels = world = feature_world(90, width=5, separation=1.2)
    found = moved(sides_of(world, np.arange(90) >= 60), draws=19)
    probe, targets = RidgeProbe(features[:60]), one_hot(labels[:60], 3)
    penalty = probe.chosen_penalty(targets)
    assert found.held_out.predicted.tolist() == probe.held_out(targets, penalty).argmax(axis=1).tolist()
    assert found.validated.predicted.tolist() == probe.predict(targets, penalty, features[60:]).argmax(axis=1).tolist()
    right = int(found.held_out.correct.sum()), int(found.validated.correct.sum())
    expected = unpaired_difference(wilson(right[0], 60), wilson(right[1], 30))
    assert (found.loss.low, found.loss.high) == pytest.approx((expected.low, expected.high))


def test_p_is_fishers_for_a_loss_a_little_smaller(feature_world: Callable[..., World]) -> None:
    features, labels = feature_world(150, width=5, separation=2.0)
    features = features + np.r_[np.zeros(100), np.full(50, 1.0)][:, None]
    found = moved(sides_of((features, labels), np.arange(150) >= 100), draws=4999)
    kept, there = int(found.held_out.correct.sum()), int(found.validated.correct.sum())
    loss = (kept / 100 - there / 50) / np.sqrt(1.25)
    # The tables with these margins whose loss is at least that.
    more = [k for k in range(kept - 30, 101) if k / 100 - (kept + there - k) / 50 >= loss - 1e-9]
    table = np.array([[more[0], 100 - more[0]], [kept + there - more[0], 50 - (kept + there - more[0])]])
    exact = fisher_exact(table, alternative="greater").pvalue
    assert 0.0005 < exact < 0.1
    assert found.p == pytest.approx(exact, rel=0.4)


def test_sources_are_held_out_and_dealt_whole() -> None:
    # Each source is a cluster of its own with a class drawn for it: with siblings in training it is child's play.
    rng = np.random.default_rng(6)
    source = np.repeat(np.arange(45), 6)
    features = rng.normal(size=(45, 30))[source] + 0.05 * rng.normal(size=(270, 30))
    world = features, rng.integers(3, size=45)[source]
    validation = source >= 30
    apart = moved(sides_of(world, validation))
    assert apart.held_out.accuracy > 0.9
    assert apart.p < 0.01
    whole = moved(sides_of(world, validation, source))
    assert whole.held_out.accuracy < 0.5  # a third is guessing
    assert whole.p > 0.1
    assert whole.loss.high - whole.loss.low > 1.5 * (apart.loss.high - apart.loss.low)


def test_a_single_source_for_validation_leaves_its_accuracy_open() -> None:
    interval = answers([0] * 20, [0] * 19 + [1], [3] * 20).interval
    assert interval.estimate == pytest.approx(0.95)
    assert interval.low < 0.02
    assert interval.level == 0.95


def test_few_sources_widen_an_interval_by_students_t() -> None:
    predicted = [0, 0, 0, 1, 0, 0, 0, 0, 1, 0]
    few = answers([0] * 10, predicted, list(range(10))).interval
    alone = answers([0] * 10, predicted).interval
    # As many sources as images: the same counts, with t(0.975; 9) = 2.262 instead of 1.960.
    expected = wilson(8, 10, level=0.976306)
    assert (few.low, few.high) == pytest.approx((expected.low, expected.high), abs=1e-4)
    assert few.low < alone.low


def test_a_rotation_of_the_classes_is_found() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(3, size=120)
    predicted = np.where(rng.random(120) < 0.9, (truth + 1) % 3, truth)
    found = best_reordering(Answers(truth=truth, predicted=predicted, sources=None), 3, rng=np.random.default_rng(1))
    assert found.order == (1, 2, 0)
    assert found.moved == (0, 1, 2)
    assert found.accuracy == pytest.approx(float(np.mean(predicted == (truth + 1) % 3)))
    assert found.gain.estimate == pytest.approx(found.accuracy - float(np.mean(predicted == truth)))
    assert found.explains(loss := wilson(80, 100))
    assert loss.estimate == 0.8


def test_two_classes_alone_can_be_swapped() -> None:
    truth = np.arange(100) % 4
    predicted = np.array([0, 2, 1, 3])[truth]
    found = best_reordering(Answers(truth=truth, predicted=predicted, sources=None), 4, rng=np.random.default_rng(1))
    assert found.moved == (1, 2)
    assert found.gain.estimate == pytest.approx(0.5)


def test_the_order_that_suits_noise_gains_nothing_on_other_images() -> None:
    # Ten classes and answers by chance: an order found on all images would gain about 15 points on them.
    rng = np.random.default_rng(5)
    gains = []
    for _ in range(60):
        noise = Answers(truth=rng.integers(10, size=80), predicted=rng.integers(10, size=80), sources=None)
        found = best_reordering(noise, 10, rng=rng)
        gains.append(found.gain.estimate)
        assert not found.explains(wilson(2, 100))
    assert np.mean(gains) == pytest.approx(0.0, abs=0.015)


def test_a_right_order_is_kept_in_doubt() -> None:
    found = best_reordering(answers([0, 0, 1, 1], [0, 1, 1, 0]), 3, rng=np.random.default_rng(1))
    assert found.order == (0, 1, 2)
    assert not found.explains(wilson(1, 10))


def test_an_order_that_explains_a_part_of_the_loss_is_not_the_reason() -> None:
    truth = np.arange(120) % 3
    predicted = np.where(np.arange(120) < 60, np.array([1, 0, 2])[truth], 2)
    found = best_reordering(Answers(truth=truth, predicted=predicted, sources=None), 3, rng=np.random.default_rng(1))
    assert found.gain.low > 0
    assert found.explains(wilson(35, 100))
    assert not found.explains(wilson(60, 100))


def test_losses_of_sides_of_one_kind_are_covered() -> None:
    rng = np.random.default_rng(9)
    p, covered = [], 0
    for _ in range(150):
        labels = rng.integers(3, size=160)
        features = rng.normal(size=(3, 6))[labels] * 0.9 + rng.normal(size=(160, 6))
        found = transfer(sides_of((features, labels), np.arange(160) >= 100), rng=rng, draws=199)
        p.append(found.p)
        covered += found.loss.low <= 0 <= found.loss.high
    assert np.mean(np.array(p) <= 0.05) < 0.09
    assert covered / 150 > 0.9
