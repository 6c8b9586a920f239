"""A sealed test side of known hits and misses: scores, paired comparisons, and the sentence about them."""

from __future__ import annotations

import datetime
import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.diagnosis.sealed import judge_sealed, sealed_sentence
from sweep.diagnosis.statistics import mean_above_zero, paired_accuracy_difference, wilson
from sweep.records import HoldoutRecord, HoldoutResult, IndexArray, Moment, PredictionRecord, Side

N = 263
LABELS: IndexArray = np.arange(N, dtype=np.int64) % 4


def hits(right: int, *, first: int = 0) -> NDArray[np.bool_]:
    """`right` images answered correctly, from image `first` on (round the end)."""
    return np.roll(np.arange(N) < right, first)


def result(
    number: int,
    correct: NDArray[np.bool_],
    *,
    rank: int = 1,
    baseline: bool = False,
    predicted: tuple[float, float] = (math.nan, math.nan),
) -> HoldoutResult:
    return HoldoutResult(
        number=number,
        rank=rank,
        baseline=baseline,
        accuracy=float(correct.mean()),
        cross_entropy=0.7,
        balanced_accuracy=0.5,
        validation_accuracy=0.8,
        predicted_low=predicted[0],
        predicted_high=predicted[1],
        prediction=PredictionRecord(
            side=Side.TEST,
            moment=Moment.SELECTED,
            predicted=np.where(correct, LABELS, (LABELS + 1) % 4).astype(np.uint16),
            cross_entropy=np.full(N, 0.7, np.float16),
        ),
        share_right=correct.astype(np.float16),
    )


def opened(*results: HoldoutResult, seen_before: int = 0) -> HoldoutRecord:
    now = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
    hashes = tuple(f"{number:064x}" for number in range(N))
    return HoldoutRecord(study="toys", opened=now, seen_before=seen_before, content_hashes=hashes, results=results)


def test_a_score_has_wilsons_interval() -> None:
    # 81 of 263: R. G. Newcombe, Statist. Med. 17 (1998) 857-872, table I, method 3.
    (score,) = judge_sealed(opened(result(7, hits(81)))).scores
    assert (score.accuracy.low, score.accuracy.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert (score.number, score.rank, score.baseline) == (7, 1, False)
    assert (score.balanced_accuracy, score.cross_entropy) == (0.5, 0.7)


@pytest.mark.parametrize(
    ("predicted", "place"),
    [((0.7, 0.9), "inside"), ((0.9, 0.95), "below"), ((0.6, 0.7), "above"), ((math.nan, math.nan), "")],
)
def test_a_score_lies_inside_its_prediction_or_not(predicted: tuple[float, float], place: str) -> None:
    (score,) = judge_sealed(opened(result(7, hits(210), predicted=predicted))).scores
    assert score.place == place
    assert score.predicted == (predicted if place else None)


def test_everything_is_compared_with_the_baseline_where_it_was_opened() -> None:
    # Trial 7 alone is right on 8 images, the baseline alone on 1: McNemar 2 (1 + 9) / 2**9 = 20/512. Trial 3 agrees.
    baseline = hits(200)
    better = hits(208)
    better[0] = False
    found = judge_sealed(
        opened(result(7, better), result(0, baseline, rank=2, baseline=True), result(3, baseline, rank=3))
    )
    assert found.reference == 0
    first, second = found.comparisons
    assert (first.first, first.second, second.second) == (0, 7, 3)
    assert first.p == pytest.approx(20 / 512)
    assert first.p_adjusted == pytest.approx(40 / 512)  # Holm: the smaller of two
    assert not first.shown
    assert first.accuracy_gained == paired_accuracy_difference(better, baseline)
    assert (second.p, second.p_adjusted) == (1, 1)


def test_without_the_baseline_the_first_of_the_ranking_is_the_reference() -> None:
    found = judge_sealed(opened(result(3, hits(190), rank=2), result(7, hits(210), rank=1)))
    assert found.reference == 7
    (only,) = found.comparisons
    # 20 images on which trial 7 alone is right.
    assert only.p == only.p_adjusted == pytest.approx(2 / 2**20)
    assert only.shown
    assert only.accuracy_gained.estimate == pytest.approx(-20 / N)


def test_groups_are_judged_by_source() -> None:
    # Trial 7 wins one burst of 20 frames: many images, one source.
    groups = np.arange(N) // 20
    worse, better = hits(200), hits(220)
    plain = judge_sealed(opened(result(7, better), result(3, worse, rank=2)))
    careful = judge_sealed(opened(result(7, better), result(3, worse, rank=2)), groups=groups)
    assert plain.comparisons[0].p < 0.001
    difference = better.astype(float) - worse
    assert careful.comparisons[0].p == pytest.approx(2 * mean_above_zero(difference, groups))
    assert careful.comparisons[0].p > 0.2
    widths = [one.scores[0].accuracy.high - one.scores[0].accuracy.low for one in (plain, careful)]
    assert widths[1] > 2 * widths[0]


def test_the_sentence_says_what_is_shown_and_what_is_not() -> None:
    found = judge_sealed(
        opened(
            result(7, hits(220), predicted=(0.80, 0.90)),
            result(3, hits(201), rank=2),
            result(12, hits(200, first=1), rank=3),
            result(0, hits(200), rank=9, baseline=True),
        ),
    )
    score, gain = wilson(220, N), paired_accuracy_difference(hits(220), hits(200))
    assert sealed_sentence(found, "your configuration") == (
        f"On 263 sealed test images trial 7 scores 83.7 % [{100 * score.low:.1f}, {100 * score.high:.1f}], inside the "
        f"predicted [80.0, 90.0]; trial 7 scores 7.6 points [{100 * gain.low:.1f}, {100 * gain.high:.1f}] more than "
        "your configuration (p < 0.001); for trials 3 and 12 no difference from your configuration is shown."
    )


def test_a_second_look_and_a_missed_prediction_are_said() -> None:
    low = judge_sealed(opened(result(7, hits(200), predicted=(0.8, 0.9)), seen_before=263))
    assert sealed_sentence(low, "our default") == (
        "On 263 sealed test images, 263 of which were opened before, trial 7 scores 76.0 % [70.5, 80.8], below the "
        "predicted [80.0, 90.0]."
    )
    high = judge_sealed(opened(result(0, hits(250), predicted=(0.8, 0.9), baseline=True)))
    assert ", above the predicted [80.0, 90.0]." in sealed_sentence(high, "our default")
    assert "our default scores 95.1 %" in sealed_sentence(high, "our default")


def test_a_worse_configuration_scores_less() -> None:
    found = judge_sealed(opened(result(7, hits(220)), result(3, hits(150), rank=2)))
    sentence = sealed_sentence(found, "our default")
    assert "; trial 3 scores 26.6 points [" in sentence
    assert sentence.endswith("] less than trial 7 (p < 0.001).")


def test_the_models_of_a_cross_validation_are_no_jury() -> None:
    # Each of five models is right on three quarters of the images, on others each time; a vote would be right oftener.
    drawn = np.random.default_rng(0).random((5, N)) < 0.75
    share = drawn.mean(axis=0)
    folded = replace(result(7, hits(200)), share_right=share.astype(np.float16), accuracy=float(share.mean()))
    single = replace(result(0, hits(190), baseline=True), rank=2)
    found = judge_sealed(opened(folded, single))
    score = found.scores[0].accuracy
    assert score.estimate == pytest.approx(share.mean(), abs=1e-3)
    plain = wilson(share.mean() * N, N)
    assert (score.low, score.high) == pytest.approx((plain.low, plain.high), abs=1e-3)
    (compared,) = found.comparisons
    difference = share.astype(np.float16).astype(float) - hits(190)
    assert compared.accuracy_gained.estimate == pytest.approx(difference.mean())
    sides = (mean_above_zero(difference), mean_above_zero(-difference))
    assert compared.p == pytest.approx(2 * min(sides))


def test_nothing_opened_is_nothing_to_judge() -> None:
    with pytest.raises(ValueError, match="holds no configuration"):
        judge_sealed(opened())
