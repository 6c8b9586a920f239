"""What is alike in every trial takes no space, but is said."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest

from sweep.records import Scalar, StudyRecord, TrialRecord
from sweep.report.fields import alike_sentence, varying_fields
from sweep.report.gather import Report, gather_report

StudyMaker = Callable[..., StudyRecord]
SPACE = {"epochs": {"choices": [8]}, "keep": {"choices": ["best", "last"]}, "l2": {"low": 0.0, "high": 1.0}}
ReportMaker = Callable[[Sequence[Mapping[str, Scalar]]], Report]


@pytest.fixture
def report_of(study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...]) -> ReportMaker:
    """Make a report of trials with these settings, the first one the baseline."""

    def make(settings: Sequence[Mapping[str, Scalar]]) -> Report:
        trials = [
            replace(toy_trials[0], number=number, baseline=number == 0, configuration=values, parameters=values)
            for number, values in enumerate(settings)
        ]
        return gather_report(study_record(space=SPACE), trials)

    return make


def test_a_field_of_one_choice_is_left_out_whatever_the_baseline_has(report_of: ReportMaker) -> None:
    report = report_of(
        [
            {"epochs": 15, "keep": "best", "l2": 0.0},
            {"epochs": 8, "keep": "best", "l2": 0.1},
            {"epochs": 8, "keep": "best", "l2": 0.2},
        ]
    )
    assert varying_fields(report) == ("l2",)
    assert alike_sentence(report) == "Alike in every trial, so not shown: epochs 8 (your configuration: 15), keep best."


def test_a_field_in_which_only_the_baseline_differs_still_varies(report_of: ReportMaker) -> None:
    report = report_of([{"epochs": 8, "keep": "last", "l2": 0.1}, {"epochs": 8, "keep": "best", "l2": 0.1}])
    assert varying_fields(report) == ("keep",)


def test_a_single_row_has_nothing_to_compare_with(report_of: ReportMaker) -> None:
    assert varying_fields(report_of([{"epochs": 8, "keep": "best", "l2": 0.1}])) == ("keep", "l2")


def test_where_everything_varies_nothing_is_said(toy_report: Report, study_record: StudyMaker) -> None:
    assert varying_fields(toy_report) == toy_report.swept
    assert alike_sentence(toy_report) == ""
    assert alike_sentence(gather_report(study_record(), [])) == ""
