"""What the best of many is worth: against all resamples counted out by hand, and against simulated truth."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from sweep.diagnosis.optimism import Select, corrected_score, prediction_interval
from sweep.diagnosis.statistics import cross_entropy_gap_interval, effective_counts, wilson
from sweep.records import IndexArray, Interval

FloatArray = NDArray[np.float64]


def studies(count: int, *, configurations: int, images: int, seed: int) -> list[FloatArray]:
    """Studies of configurations that are all right on 80 % of images, each on images of its own."""
    rng = np.random.default_rng(seed)
    return [(rng.random((configurations, images)) < 0.8).astype(np.float64) for _ in range(count)]


def highest_mean(scores: ArrayLike) -> Select:
    """The simplest rule: the highest mean score, the first of equals."""
    table = np.asarray(scores, dtype=np.float32)  # sums of 0 and 1 stay exact up to 16 million images

    def select(weights: FloatArray) -> IndexArray:
        best: IndexArray = np.argmax(weights.astype(np.float32) @ table.T, axis=1)
        return best

    return select


def correct(scores: FloatArray, *, groups: IndexArray | None = None, draws: int = 300) -> tuple[float, Interval]:
    """True score of the selected one where all are right on 80 %, and what the correction says."""
    best = int(scores.mean(axis=1).argmax())
    found = corrected_score(scores, highest_mean(scores), selected=best, groups=groups, seed=0, draws=draws)
    return found.naive, found.corrected


def test_two_lucky_configurations_by_hand() -> None:
    # Each is right on one of two images. A draw of one image twice selects whoever is right there, who is wrong on the
    # image left out; a draw of both leaves none out. So the corrected score is 0, half of the draws select the first
    # because both draw, and a quarter each because it is right.
    scores = np.eye(2)
    found = corrected_score(scores, highest_mean(scores), selected=0, seed=0, draws=20_000)
    assert found.naive == 0.5
    assert found.corrected.estimate == pytest.approx(0.0, abs=0.02)
    assert found.bias == pytest.approx(0.5, abs=0.02)
    assert found.chosen == pytest.approx((0.75, 0.25), abs=0.01)


def test_it_is_the_mean_out_of_bag_score_of_what_each_draw_selects() -> None:
    # All 4**4 draws, as the paper says, over all images left out.
    scores = -np.array([[0.113, 2.071, 0.347, 0.929], [0.523, 0.617, 0.701, 0.411], [0.231, 0.149, 3.037, 0.509]])
    total, counted = 0.0, 0
    for draw in itertools.product(range(4), repeat=4):
        best = int(scores[:, draw].mean(axis=1).argmax())
        outside = [image for image in range(4) if image not in draw]
        total += scores[best, outside].sum()
        counted += len(outside)
    found = corrected_score(scores, highest_mean(scores), selected=1, seed=0, draws=40_000)
    assert found.corrected.estimate == pytest.approx(total / counted, abs=0.01)
    assert found.naive == pytest.approx(-0.563)
    assert found.bias == pytest.approx(found.naive - found.corrected.estimate)


def test_a_single_candidate_has_nothing_to_correct() -> None:
    scores = (np.arange(100) < 80).astype(np.float64)[np.newaxis]
    found = corrected_score(scores, highest_mean(scores), selected=0, seed=0)
    assert found.corrected == wilson(80, 100)
    assert (found.naive, found.bias, found.chosen) == (0.8, 0.0, (1.0,))


def test_a_winner_by_far_keeps_its_score() -> None:
    scores = np.stack([np.arange(200) < 180, np.arange(200) < 100]).astype(np.float64)
    found = corrected_score(scores, highest_mean(scores), selected=0, seed=0, level=0.9)
    assert found.corrected == wilson(180, 200, level=0.9)
    assert found.chosen == (1.0, 0.0)


def test_one_cross_entropy_has_the_interval_of_its_mean() -> None:
    scores = -np.random.default_rng(0).gamma(0.5, 1.0, (1, 60))
    found = corrected_score(scores, highest_mean(scores), selected=0, seed=0)
    mean = cross_entropy_gap_interval(0.0, scores[0])
    assert (found.corrected.low, found.corrected.high) == pytest.approx((mean.low, mean.high))
    assert found.bias == 0.0


def test_of_equally_good_configurations_luck_alone_is_taken_away() -> None:
    naive, corrected = zip(
        *(correct(scores) for scores in studies(60, configurations=50, images=100, seed=1)), strict=True
    )
    # The highest of 50 shares: 2.25 standard errors of 4 points above the truth.
    assert np.mean(naive) == pytest.approx(0.8 + 2.25 * 0.04, abs=0.01)
    assert np.mean([one.estimate for one in corrected]) == pytest.approx(0.8, abs=0.012)
    assert np.mean([one.low <= 0.8 <= one.high for one in corrected]) >= 0.95


def test_the_luck_of_cross_entropies_is_taken_away_too_and_that_of_their_spread() -> None:
    rng = np.random.default_rng(2)
    covered, bias, widths = [], [], []
    for _ in range(80):
        scores = -rng.gamma(0.5, 1.0, (50, 100))  # mean 0.5; the luckiest has the fewest large ones
        naive, found = correct(scores)
        covered.append(found.low <= -0.5 <= found.high)
        bias.append((naive + 0.5, found.estimate + 0.5))
        fixed = cross_entropy_gap_interval(0.0, -scores[int(scores.mean(axis=1).argmax())])
        widths.append((found.high - found.low) / (fixed.high - fixed.low))
    optimistic, corrected = np.mean(bias, axis=0)
    assert optimistic > 0.1
    assert abs(corrected) < optimistic / 8
    assert np.mean(covered) >= 0.95
    assert np.mean(widths) > 1.2


def test_the_interval_reaches_towards_the_naive_score() -> None:
    (scores,) = studies(1, configurations=50, images=100, seed=3)
    naive, found = correct(scores)
    plain = wilson(found.estimate * 100, 100)
    bias = naive - found.estimate
    assert bias > 0.05
    assert found.low == pytest.approx(plain.low)
    assert found.high - found.estimate == pytest.approx(math.hypot(plain.high - plain.estimate, bias))


def test_a_rule_that_does_not_take_the_highest_may_be_corrected_upwards() -> None:
    # The rule takes the lowest of three: luck works against it.
    rng = np.random.default_rng(4)
    scores = (rng.random((3, 80)) < 0.7).astype(np.float64)

    def worst(weights: FloatArray) -> IndexArray:
        found: IndexArray = np.argmin(weights @ scores.T, axis=1)
        return found

    found = corrected_score(scores, worst, selected=int(scores.sum(axis=1).argmin()), seed=0)
    assert found.bias < 0
    plain = wilson(found.corrected.estimate * 80, 80)
    assert found.corrected.high == pytest.approx(plain.high)
    assert found.corrected.low < plain.low


def test_whole_sources_are_drawn_and_left_out() -> None:
    groups = np.repeat(np.arange(6), [1, 2, 3, 4, 5, 5])
    scores = np.random.default_rng(5).random((3, 20)).round()
    seen: list[FloatArray] = []

    def watch(weights: FloatArray) -> IndexArray:
        seen.append(weights)
        return highest_mean(scores)(weights)

    found = corrected_score(scores, watch, selected=0, groups=groups, seed=0, draws=40)
    weights = np.concatenate(seen)
    assert weights.shape == (40, 20)
    for group in range(6):
        members = weights[:, groups == group]
        assert (members == members[:, :1]).all()
    first = weights[:, np.unique(groups, return_index=True)[1]]
    assert (first.sum(axis=1) == 6).all()
    assert found.chosen == pytest.approx(tuple(np.bincount(highest_mean(scores)(weights), minlength=3) / 40))


def test_sources_that_repeat_themselves_count_once() -> None:
    (once,) = studies(1, configurations=20, images=80, seed=6)
    naive, found = correct(once, draws=2000)
    repeated, five = correct(np.repeat(once, 5, axis=1), groups=np.repeat(np.arange(80), 5), draws=2000)
    assert repeated == pytest.approx(naive)
    assert five.estimate == pytest.approx(found.estimate, abs=0.005)
    assert five.high - five.low == pytest.approx(found.high - found.low, rel=0.05)


def test_a_single_source_is_never_left_out() -> None:
    scores = np.stack([np.arange(10) < 8, np.arange(10) < 6]).astype(np.float64)
    found = corrected_score(scores, highest_mean(scores), selected=0, groups=np.zeros(10), seed=0)
    assert (found.bias, found.chosen) == (0.0, (1.0, 0.0))
    successes, units = effective_counts(scores[0], np.zeros(10))
    assert units == 1
    plain = wilson(successes, units)
    assert (found.corrected.low, found.corrected.high) == pytest.approx((plain.low, plain.high))
    losses = corrected_score(-scores - 0.5, highest_mean(scores), selected=0, groups=np.zeros(10), seed=0)
    assert (losses.corrected.low, losses.corrected.high) == (-math.inf, math.inf)


def test_scores_that_are_all_alike_have_bounds_at_the_estimate() -> None:
    found = corrected_score(np.full((2, 5), -0.5), highest_mean(np.full((2, 5), -0.5)), selected=0, seed=0)
    assert (found.corrected.low, found.corrected.estimate, found.corrected.high) == (-0.5, -0.5, -0.5)


def test_the_same_seed_gives_the_same_numbers() -> None:
    (scores,) = studies(1, configurations=10, images=50, seed=7)
    first, again, other = (corrected_score(scores, highest_mean(scores), selected=0, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("scores", "selected", "groups", "message"),
    [
        ([1.0, 0.0], 0, None, r"shape \(n_candidates, n_images\), got shape \(2,\)"),
        ([[]], 0, None, r"got shape \(1, 0\)"),
        ([[1.0, math.nan]], 0, None, "finite scores"),
        ([[1.0, 0.0]], 1, None, "one of 1 candidates, got 1"),
        ([[1.0, 0.0]], 0, [1, 2, 3], "a group for each of 2 images, got 3"),
    ],
)
def test_what_is_no_table_of_scores_is_refused(
    scores: list[object], selected: int, groups: list[int] | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        corrected_score(
            np.array(scores), lambda weights: weights[:, 0].astype(int), selected=selected, groups=groups, seed=0
        )


def test_a_known_accuracy_is_predicted_with_the_fresh_samples_error() -> None:
    known = Interval(estimate=0.8, low=0.8, high=0.8)
    fresh, plain = prediction_interval(known, 250), wilson(200, 250)
    assert (fresh.low, fresh.high) == pytest.approx((plain.low, plain.high))


def test_an_endless_fresh_sample_adds_nothing() -> None:
    corrected = Interval(estimate=0.8, low=0.75, high=0.83)
    fresh = prediction_interval(corrected, 1e12)
    assert (fresh.low, fresh.high) == pytest.approx((0.75, 0.83), abs=1e-5)


def test_two_errors_of_ten_points_make_one_of_fourteen() -> None:
    # Wilson's half-width at one half is z / (2 sqrt(n + z**2)): 0.1 for n = 25 z**2 - z**2 = 24 * 3.84146.
    fresh = prediction_interval(Interval(estimate=0.5, low=0.4, high=0.6), 24 * 3.841459)
    assert (fresh.low, fresh.high) == pytest.approx((0.5 - 0.1 * math.sqrt(2), 0.5 + 0.1 * math.sqrt(2)), abs=1e-6)


def test_a_prediction_has_its_own_level() -> None:
    # One standard error of 5 points are 9.8 at 95 %, and stay within 0 and 1.
    corrected = Interval(estimate=0.5, low=0.45, high=0.55, level=0.6826895)
    fresh = prediction_interval(corrected, 1e12)
    assert (fresh.low, fresh.high) == pytest.approx((0.5 - 0.0979982, 0.5 + 0.0979982), abs=1e-5)
    assert fresh.level == 0.95
    assert prediction_interval(Interval(estimate=0.97, low=0.6, high=1.2), 20).high == 1.0
    with pytest.raises(ValueError, match="n > 0"):
        prediction_interval(corrected, 0)


def test_predictions_hold_as_often_as_they_say() -> None:
    rng = np.random.default_rng(8)
    truth = rng.uniform(0.6, 0.95, 2000)
    seen, fresh = rng.binomial(300, truth), rng.binomial(500, truth) / 500
    intervals = [prediction_interval(wilson(int(count), 300), 500) for count in seen]
    held = np.mean([one.low <= share <= one.high for one, share in zip(intervals, fresh, strict=True)])
    assert 0.935 <= held <= 0.97
