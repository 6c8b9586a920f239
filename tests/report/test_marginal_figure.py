"""Shares and curves of fields, and the axes they are drawn on."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import pytest

from sweep.diagnosis.marginals import Bin, Marginal
from sweep.records import Interval, StudyRecord, TrialRecord
from sweep.report.gather import Report, gather_report
from sweep.report.marginal_figure import common_ranges, draw_marginal, gather_influence
from sweep.report.style import GAP, VALIDATION

StudyMaker = Callable[..., StudyRecord]


def one_bin(label: str, centre: float, trials: int = 5) -> Bin:
    low, high = (math.nan, math.nan) if trials == 1 else (0.05, 0.15)
    return Bin(
        label=label,
        low=centre,
        high=centre,
        centre=centre,
        trials=trials,
        gap=Interval(estimate=0.1, low=low, high=high),
        validation=Interval(estimate=0.8, low=low + 0.7, high=high + 0.7),
    )


def curve(*bins: Bin, kind: Literal["number", "choice"] = "number", log: bool = False) -> Marginal:
    return Marginal(name="field", kind=kind, log=log, bins=bins)


def test_the_gaps_strongest_field_comes_first_with_its_curve(toy_report: Report) -> None:
    found = gather_influence(toy_report)
    assert [one.name for one in found] == ["dropout", "l2", "unfrozen_layers", "head_width", "batch_size"]
    assert (found[0].gap_share, found[0].validation_share) == (0.52, 0.14)
    assert all(one.curve is not None and one.curve.name == one.name for one in found)


def test_a_field_that_some_trials_lack_has_a_curve_and_no_share(
    study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...]
) -> None:
    report = gather_report(study_record(), toy_trials, importances={"gap": {"dropout": 1.0}})
    shares = {field.name: (field.gap_share, field.validation_share) for field in gather_influence(report)}
    assert shares["dropout"] == (1.0, None)
    assert shares["l2"] == (None, None)


def test_without_shares_the_order_is_that_of_the_space(
    study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...]
) -> None:
    found = gather_influence(gather_report(study_record(), toy_trials, importances="Too few trials."))
    assert [one.name for one in found] == ["batch_size", "dropout", "head_width", "l2", "unfrozen_layers"]
    assert all(one.gap_share is None and one.validation_share is None for one in found)


def test_a_field_of_one_value_takes_no_space(study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...]) -> None:
    space = {"batch_size": {"choices": [32]}, "dropout": {"low": 0.0, "high": 0.9}}
    shares = {"gap": {"batch_size": 0.0, "dropout": 1.0}}
    report = gather_report(study_record(space=space), toy_trials, importances=shares)
    assert [one.name for one in gather_influence(report)] == ["dropout"]


def test_all_fields_share_ranges_that_two_trials_do_not_stretch() -> None:
    wide = Bin(
        label="8",
        low=8,
        high=8,
        centre=8,
        trials=2,
        gap=Interval(estimate=0.1, low=-0.9, high=1.1),
        validation=Interval(estimate=0.8, low=0.0, high=1.0),
    )
    ranges = common_ranges([curve(one_bin("1", 1)), curve(one_bin("2", 2), wide)])
    assert ranges.gap == pytest.approx((4.0, 16.0))  # means 10, bounds 5 and 15, and a point of room
    assert ranges.validation == pytest.approx((74.0, 86.0))


def test_gap_and_validation_stand_side_by_side_in_their_colours() -> None:
    drawn = curve(one_bin("0.1", 0.1), one_bin("0.5", 0.5))
    gap, validation = draw_marginal(drawn, common_ranges([drawn])).data
    assert (gap.marker.color, validation.marker.color) == (GAP, VALIDATION)
    assert tuple(gap.y) == (10.0, 10.0)
    assert tuple(validation.y) == (80.0, 80.0)
    assert gap.error_y.array == pytest.approx((5.0, 5.0))
    assert gap.text[0] == "<b>0.1</b>, 5 trials<br>mean gap 10.0 points [5.0, 15.0]"


def test_a_single_trial_has_a_dot_and_no_whisker() -> None:
    drawn = curve(one_bin("1", 1), one_bin("2", 2, trials=1))
    gap = draw_marginal(drawn, common_ranges([drawn])).data[0]
    assert tuple(gap.error_y.array)[1] == 0.0
    assert gap.text[1] == "<b>2</b>, 1 trial<br>mean gap 10.0 points"


def test_choices_are_labelled_dots_and_their_labels_are_escaped() -> None:
    drawn = curve(one_bin("<b>x</b>", 0), one_bin("a very long label indeed", 2), kind="choice")
    figure = draw_marginal(drawn, common_ranges([drawn]))
    axis = figure.layout.xaxis
    assert figure.data[0].mode == "markers"
    assert tuple(axis.tickvals) == (0, 2)
    assert tuple(axis.ticktext) == ("&lt;b&gt;x&lt;/b&gt;", "a very long l…")
    assert tuple(axis.range) == (-0.5, 2.5)


def test_a_logarithmic_field_has_a_logarithmic_axis_with_powers_of_ten() -> None:
    drawn = curve(one_bin("1e-06", 1e-6), one_bin("0.1", 0.1), log=True)
    axis = draw_marginal(drawn, common_ranges([drawn])).layout.xaxis
    assert axis.type == "log"
    assert tuple(axis.ticktext) == ("10⁻⁶", "10⁻⁴", "10⁻²")


def test_within_one_power_of_ten_the_ends_and_the_middle_are_labelled() -> None:
    drawn = curve(one_bin("0.002", 0.002), one_bin("0.008", 0.008), log=True)
    axis = draw_marginal(drawn, common_ranges([drawn])).layout.xaxis
    assert tuple(axis.ticktext) == ("0.002", "0.004", "0.008")
