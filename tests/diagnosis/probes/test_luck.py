"""Choices with a known amount of luck: none, some that a test finds, and an interval that holds the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.diagnosis.optimism import Select, corrected_score
from sweep.diagnosis.probes.luck import Luck, expected_luck
from sweep.records import IndexArray

Scores = NDArray[np.float64]


def by(told: Scores) -> Select:
    """The candidate of the largest mean of what is told of each image."""

    def select(weights: Scores) -> IndexArray:
        return np.asarray(np.round(weights @ told.T, 9).argmax(axis=1), np.int64)

    return select


def luck(scores: Scores, told: Scores | None = None, *, groups: IndexArray | None = None, seed: int = 0) -> Luck:
    select = by(scores if told is None else told)
    selected = int(select(np.ones((1, scores.shape[1])))[0])
    optimism = corrected_score(scores, select, selected=selected, groups=groups, seed=seed, draws=400)
    return expected_luck(optimism, scores, select, groups=groups, seed=seed)


def answers(candidates: int, images: int, *, seed: int) -> Scores:
    return (np.random.default_rng(seed).random((candidates, images)) < 0.8).astype(np.float64)


def test_the_best_of_many_equals_is_lucky() -> None:
    # 40 equal candidates of 200 images: the largest of 40 errors of 2.8 points is 2.16 of them, 6.1 points.
    found = luck(answers(40, 200, seed=1))
    assert found.effect.estimate == pytest.approx(0.061, abs=0.015)
    assert found.effect.low > 0
    assert found.effect.high > 0.061
    assert found.p < 1e-6
    assert found.sources == 200


def test_the_same_answers_leave_no_luck() -> None:
    found = luck(np.tile(answers(1, 200, seed=2), (5, 1)))
    assert (found.effect.estimate, found.effect.high, found.p) == (0, 0, 1)
    # The correction may still be too pessimistic by 0.4 standard errors.
    error = 0.4 * math.sqrt(0.16 / 200)
    assert found.effect.low == pytest.approx(-error, rel=0.1)


def test_a_choice_by_other_numbers_is_not_lucky() -> None:
    told = np.random.default_rng(3).normal(size=(8, 200))
    found = luck(answers(8, 200, seed=4), told)
    assert found.p > 0.05
    assert found.effect.low < 0 < found.effect.high


def test_sources_are_what_is_left_out() -> None:
    scores = answers(40, 60, seed=5)
    groups = np.repeat(np.arange(60), 4)
    repeated, single = luck(np.repeat(scores, 4, axis=1), groups=groups), luck(scores)
    assert repeated.sources == 60
    assert repeated.effect.high - repeated.effect.low == pytest.approx(single.effect.high - single.effect.low, rel=0.3)


def test_fewer_sources_than_parts_say_nothing() -> None:
    found = luck(answers(5, 19, seed=6))
    assert (found.effect.low, found.effect.high, found.p) == (-math.inf, math.inf, 1.0)


def test_the_same_seed_gives_the_same_luck() -> None:
    scores = answers(6, 60, seed=7)
    assert luck(scores, seed=1) == luck(scores, seed=1)
    assert luck(scores, seed=1) != luck(scores, seed=2)


@pytest.mark.parametrize(("spread", "most"), [(0.0, 2.2), (0.05, 1.2)])
def test_many_candidates_are_judged_by_fewer_resamples_which_widens_the_interval(
    spread: float, most: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(4)
    scores = (rng.random((600, 200)) < rng.normal(0.8, spread, (600, 1))).astype(np.float64)
    few = [luck(scores, seed=seed).effect for seed in range(4)]
    monkeypatch.setattr("sweep.diagnosis.probes.luck._WORK", 600 * 400)
    many = [luck(scores, seed=seed).effect for seed in range(4)]
    assert [one.estimate for one in few] == [one.estimate for one in many]
    widths = [np.mean([one.high - one.low for one in each]) for each in (few, many)]
    assert widths[1] < widths[0] < most * widths[1]
