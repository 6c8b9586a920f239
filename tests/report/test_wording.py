"""Numbers as people read them, untrusted text made harmless, and the one sentence of a study."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.diagnosis.ranking import Ranking, rank
from sweep.records import IndexArray, Interval, Scalar, TrialRecord, TrialState
from sweep.report.wording import (
    bounds,
    duration,
    nats,
    objective_meaning,
    percent,
    plain,
    points,
    setting,
    verdict_sentence,
    with_bounds,
)

TrialMaker = Callable[..., TrialRecord]
N = 500
LABELS: IndexArray = np.arange(N, dtype=np.int64) % 5


def share(right: int) -> NDArray[np.bool_]:
    return np.arange(N) < right


def ranked(*trials: TrialRecord) -> Ranking:
    stored = {one.number: one.measurement.predictions[0] for one in trials if one.measurement}
    return rank(trials, stored, class_counts=[100] * 5, labels=LABELS)


def test_shares_are_percentages_and_differences_are_points() -> None:
    assert percent(0.7484) == "74.8 %"
    assert points(-0.0041) == "−0.4"
    assert points(-0.0001) == "0.0"
    assert bounds(Interval(estimate=0.1, low=-0.004, high=0.0456)) == "[−0.4, 4.6]"


def test_cross_entropies_have_three_digits() -> None:
    assert nats(-0.71249) == "−0.712"
    assert nats(None) == nats(float("nan")) == "–"


def test_an_estimate_brings_its_bounds_where_it_has_any() -> None:
    assert with_bounds(Interval(estimate=0.123, low=0.091, high=0.156)) == "12.3 [9.1, 15.6]"
    assert with_bounds(Interval(estimate=0.123, low=0.123, high=0.123)) == "12.3", "exact"
    assert with_bounds(Interval(estimate=0.123, low=float("nan"), high=float("nan"))) == "12.3", "unknown"
    assert with_bounds(Interval(estimate=0.123, low=float("-inf"), high=float("inf"))) == "12.3"
    assert with_bounds(Interval(estimate=float("nan"), low=0.0, high=1.0)) == "–"
    assert with_bounds(Interval(estimate=0.1, low=0.05, high=0.2), nats) == "0.100 [0.050, 0.200]"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.41, "0.4 s"), (9.96, "10.0 s"), (47.3, "47 s"), (119.6, "2 min"), (600, "10 min"), (7500, "2 h 05 min")],
)
def test_durations_are_rounded_to_what_matters(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.30000001, "0.3"), (1e-6, "1e-06"), (64, "64"), ("512-256", "512-256"), (None, "–")]
)
def test_settings_are_short(value: Scalar | None, text: str) -> None:
    assert setting(value) == text


def test_untrusted_text_cannot_move_the_cursor_nor_reorder_letters() -> None:
    assert plain("a\x1b[31mb\u202ec\u2066d\x00e") == "a�[31mb�c�d�e"
    assert plain("two\r\nlines\tand  spaces") == "two lines and spaces"
    assert plain("caf\udce9.jpg") == "caf�.jpg"


def test_untrusted_text_keeps_other_scripts_and_emoji() -> None:
    assert plain("שלום 猫 👩‍👩‍👧 ❤️") == "שלום 猫 👩‍👩‍👧 ❤️"


def test_long_text_is_cut() -> None:
    assert plain("x" * 200, 10) == "x" * 9 + "…"
    assert plain("x" * 10, 10) == "x" * 10


def test_j_is_explained_as_it_was_computed() -> None:
    assert "less 0.1 times" in objective_meaning({"objective": "balanced", "gap_weight": 0.1})
    assert "times" not in objective_meaning({"objective": "val"})


def test_the_sentence_tells_both_differences_with_their_intervals(trial_record: TrialMaker) -> None:
    baseline = trial_record(0, correct=share(375), train=0.99, cross_entropy=0.9, baseline=True)
    better = trial_record(17, correct=share(400), train=0.90, cross_entropy=0.6)
    # 25 images gained and none lost: (26 - 1) / 502 ± 1.96 * sqrt((27/502 - (25/502)^2) / 502), and 9 points of train.
    assert verdict_sentence(ranked(baseline, better), "your configuration") == (
        "Trial 17 narrows the gap by 14.0 points [12.0, 16.0] and scores 5.0 points [3.0, 7.0] more on validation "
        "than your configuration."
    )


def test_a_difference_that_may_be_chance_is_called_so(trial_record: TrialMaker) -> None:
    baseline = trial_record(0, correct=share(401), train=0.99, baseline=True, objective=-0.7)
    better = trial_record(17, correct=share(400), train=0.90, objective=-0.6)
    sentence = verdict_sentence(ranked(baseline, better), "our default")
    assert "scores 0.2 points [−0.5, 0.9] less on validation than our default" in sentence
    assert sentence.endswith("; the difference on validation may be chance.")


def test_a_gap_that_grew_is_widened(trial_record: TrialMaker) -> None:
    baseline = trial_record(0, correct=share(300), train=0.62, cross_entropy=1.0, baseline=True)
    better = trial_record(1, correct=share(420), train=0.99, cross_entropy=0.5)
    assert "Trial 1 widens the gap by 13.0 points" in verdict_sentence(ranked(baseline, better), "your configuration")


def test_a_pruned_baseline_is_named_as_such(trial_record: TrialMaker) -> None:
    baseline = trial_record(0, correct=share(300), baseline=True, state=TrialState.PRUNED, epochs=6)
    better = trial_record(1, correct=share(420), cross_entropy=0.5)
    sentence = verdict_sentence(ranked(baseline, better), "your configuration")
    assert "than your configuration, which was stopped early after epoch 6" in sentence


def test_a_baseline_that_nobody_beats_is_first(trial_record: TrialMaker) -> None:
    baseline = trial_record(0, correct=share(400), train=0.85, cross_entropy=0.5, baseline=True)
    worse = trial_record(1, correct=share(300), train=0.99, cross_entropy=0.9)
    assert verdict_sentence(ranked(baseline, worse), "our default") == (
        "Our default is first with 80.0 % [76.3, 83.3] on validation and a gap of 5.0 points [1.7, 8.7]: "
        "the one other does not beat it."
    )
    alone = verdict_sentence(ranked(baseline), "our default")
    assert alone.endswith("there is no other trial yet.")


def test_ties_with_the_baseline_are_told(trial_record: TrialMaker) -> None:
    baseline = trial_record(0, correct=share(400), train=0.85, baseline=True)
    near = trial_record(1, correct=share(401), train=0.855, objective=-0.8)
    far = trial_record(2, correct=share(401), train=0.99, objective=-0.8)
    sentence = verdict_sentence(ranked(baseline, near, far), "your configuration")
    assert sentence.endswith("none of the 2 others beats it, 1 cannot be told from it.")


def test_what_is_missing_is_said(trial_record: TrialMaker) -> None:
    assert verdict_sentence(ranked(), "your configuration") == "No trial has been measured yet."
    constant = trial_record(1, correct=share(100), train=0.2, cross_entropy=1.61)
    assert verdict_sentence(ranked(constant), "your configuration").startswith("No configuration is shown to beat")
    other = trial_record(1, correct=share(400))
    assert verdict_sentence(ranked(other), "your configuration").endswith(
        "your configuration has no result to compare it with."
    )
