"""Trials with known gaps: which bin each stands in, the mean of each bin, and what is left out."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from sweep.diagnosis.marginals import CAVEAT, marginal
from sweep.records import Scalar, TrialRecord, TrialState

TrialMaker = Callable[..., TrialRecord]
Make = Callable[..., TrialRecord]


@pytest.fixture
def make(trial_record: TrialMaker) -> Make:
    """`make(3, 0.5, right=80)`: a trial with dropout 0.5 that trains to 99 % and answers 80 of 100 images."""

    def one(number: int, value: Scalar, *, right: int = 80, field: str = "dropout", **fields: object) -> TrialRecord:
        return trial_record(number, correct=np.arange(100) < right, parameters={field: value}, **fields)

    return one


def test_a_few_values_have_a_bin_each(make: Make) -> None:
    trials = [make(0, 0.5, right=80), make(1, 0.5, right=84), make(2, 0.5, right=82), make(3, 0.0, right=70)]
    found = marginal(trials, "dropout", {"low": 0.0, "high": 0.9})
    assert (found.name, found.kind, found.log) == ("dropout", "number", False)
    assert [(one.label, one.trials) for one in found.bins] == [("0", 1), ("0.5", 3)]
    half = found.bins[1]
    assert (half.low, half.high, half.centre) == (0.5, 0.5, 0.5)
    # Mean 0.82, deviation 0.02; t(0.975; 2) = 4.302653.
    width = 4.302653 * 0.02 / math.sqrt(3)
    assert (half.validation.estimate, half.validation.low) == pytest.approx((0.82, 0.82 - width), abs=1e-6)
    assert (half.gap.estimate, half.gap.high) == pytest.approx((0.17, 0.17 + width), abs=1e-6)


def test_a_single_trial_has_an_estimate_and_no_bounds(make: Make) -> None:
    (alone,) = marginal([make(0, 0.5)], "dropout", {"low": 0.0, "high": 0.9}).bins
    assert alone.validation.estimate == 0.8
    assert math.isnan(alone.validation.low)
    assert math.isnan(alone.gap.high)


def test_many_values_share_six_bins_of_about_equal_size(make: Make) -> None:
    trials = [make(number, 0.01 * number) for number in range(60)]
    found = marginal(reversed(trials), "dropout", {"low": 0.0, "high": 0.9})
    assert [one.trials for one in found.bins] == [10] * 6
    first = found.bins[0]
    assert (first.label, first.low, first.high) == ("0 – 0.09", 0.0, 0.09)
    assert first.centre == pytest.approx(0.045)


def test_few_trials_share_fewer_bins(make: Make) -> None:
    def sizes(count: int) -> list[int]:
        trials = [make(number, 0.01 * number) for number in range(count)]
        return [one.trials for one in marginal(trials, "dropout", {"low": 0.0, "high": 0.9}).bins]

    assert sizes(8) == [4, 4]
    assert sizes(15) == [5, 5, 5]
    assert sizes(0) == []


def test_equal_values_never_part(make: Make) -> None:
    # 20 trials at 0.3 among ten others: the bins' edges go round them.
    trials = [make(number, 0.3) for number in range(20)] + [make(20 + step, 0.05 * step) for step in range(7, 17)]
    found = marginal(trials, "dropout", {"low": 0.0, "high": 0.9})
    assert found.bins[0].label == "0.3"
    assert found.bins[0].trials == 20
    assert sum(one.trials for one in found.bins) == 30


def test_a_logarithmic_range_is_centred_geometrically(make: Make) -> None:
    trials = [make(number, 10.0 ** (number - 8), field="l2") for number in range(8)]
    found = marginal(trials, "l2", {"low": 1e-8, "high": 1e-1, "log": True})
    assert found.log
    assert [one.label for one in found.bins] == ["1e-08 – 1e-05", "0.0001 – 0.1"]
    assert [one.centre for one in found.bins] == pytest.approx([10**-6.5, 10**-2.5])


def test_whole_numbers_are_written_whole(make: Make) -> None:
    trials = [make(0, 1024, field="head_width"), make(1, 64, field="head_width")]
    found = marginal(trials, "head_width", {"low": 16, "high": 2048, "log": True})
    assert [one.label for one in found.bins] == ["64", "1024"]


def test_choices_keep_their_order_and_leave_out_what_no_trial_has(make: Make) -> None:
    widths: list[Scalar] = ["none", 128, "512-256", 64]
    trials = [make(0, 64, field="head_width"), make(1, "none", field="head_width"), make(2, 128, field="head_width")]
    found = marginal(trials, "head_width", {"choices": widths})
    assert (found.kind, found.log) == ("choice", False)
    assert [(one.label, one.centre) for one in found.bins] == [("none", 0), ("128", 1), ("64", 3)]


def test_only_complete_trials_inside_the_range_count_once(make: Make) -> None:
    trials = [
        make(0, 0.95, baseline=True),  # outside
        make(1, 0.5),
        make(2, 0.5, duplicate_of=1),
        make(3, 0.5, state=TrialState.PRUNED),
        make(4, "high"),
        make(5, 0.1, field="l2"),
    ]
    (only,) = marginal(trials, "dropout", {"low": 0.0, "high": 0.9}).bins
    assert only.trials == 1
    assert marginal([make(6, True)], "dropout", {"choices": [1, 0]}).bins == ()


def test_the_caveat_says_that_other_fields_vary() -> None:
    assert "Other fields differ" in CAVEAT
    assert "not what causes what" in CAVEAT
