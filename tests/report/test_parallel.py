"""Heights on parallel axes, worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from sweep.records import Scalar, StudyRecord, TrialRecord
from sweep.report.gather import Report, gather_report
from sweep.report.parallel import OUTSIDE, Axis, Line, draw_parallel_coordinates, gather_parallel_coordinates

StudyMaker = Callable[..., StudyRecord]
TrialMaker = Callable[..., TrialRecord]


@pytest.fixture
def place(study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...]) -> Callable[..., tuple[Axis, list[float]]]:
    """Put values of one field on an axis: its labels and the heights, in the order of the values."""

    def on_axis(field: dict[str, object], values: list[Scalar | None]) -> tuple[Axis, list[float]]:
        trials = [
            replace(
                toy_trials[0],
                number=number,
                baseline=False,
                configuration={} if value is None else {"field": value},
                parameters={},
            )
            for number, value in enumerate(values)
        ]
        axes, lines = gather_parallel_coordinates(gather_report(study_record(space={"field": field}), trials))
        heights = {line.number: line.heights[0] for line in lines}
        return axes[0], [heights[number] for number in range(len(values))]

    return on_axis


def test_a_range_runs_from_its_low_end_to_its_high_end(place: Callable[..., tuple[Axis, list[float]]]) -> None:
    axis, heights = place({"low": 0.0, "high": 0.8, "log": False}, [0.0, 0.2, 0.8])
    assert heights == pytest.approx([0.0, 0.25, 1.0])
    assert axis.ticks == ((0.0, "0"), (0.5, "0.4"), (1.0, "0.8"))


def test_a_logarithmic_range_is_even_in_its_exponent(place: Callable[..., tuple[Axis, list[float]]]) -> None:
    axis, heights = place({"low": 1e-6, "high": 1e-2, "log": True}, [1e-6, 1e-5, 1e-2])
    assert heights == pytest.approx([0.0, 0.25, 1.0])
    assert axis.ticks[1] == (0.5, "0.0001")


def test_a_baseline_outside_the_space_stands_below_the_axis(place: Callable[..., tuple[Axis, list[float]]]) -> None:
    axis, heights = place({"low": 1e-6, "high": 1e-2, "log": True}, [0.0, 1e-2])
    assert heights == pytest.approx([OUTSIDE, 1.0])
    assert axis.ticks[-1] == (OUTSIDE, "0")


def test_what_is_inactive_in_a_trial_stands_below_the_axis_too(
    place: Callable[..., tuple[Axis, list[float]]],
) -> None:
    axis, heights = place({"low": 8, "high": 64}, [8, None, 64])
    assert heights == pytest.approx([0.0, OUTSIDE, 1.0])
    assert axis.ticks[-1] == (OUTSIDE, "–")
    axis, heights = place({"choices": [False, True]}, [True, None, False])
    assert heights == pytest.approx([1.0, OUTSIDE, 0.0])
    assert [text for _, text in axis.ticks] == ["False", "True", "–"]


def test_choices_stand_evenly_in_the_order_of_the_study_file(place: Callable[..., tuple[Axis, list[float]]]) -> None:
    axis, heights = place({"choices": ["none", 64, "512-256"]}, ["512-256", 64, "none", 7])
    assert heights == [1.0, 0.5, 0.0, OUTSIDE]
    assert [text for _, text in axis.ticks] == ["none", "64", "512-256", "7"]


def test_an_unknown_field_gets_an_axis_from_its_values(place: Callable[..., tuple[Axis, list[float]]]) -> None:
    assert place({}, [2, 4])[1] == [0.0, 1.0]
    assert place({}, ["b", "a"])[1] == [1.0, 0.0]
    assert place({}, [3])[0].ticks == ((0.0, "3"),)


def test_a_field_alike_in_every_trial_has_no_axis(place: Callable[..., tuple[Axis, list[float]]]) -> None:
    assert place({"low": 1, "high": 5}, [3, 3])[0].title == "gap, points"
    assert place({"choices": ["best"]}, ["best", "last"])[0].title == "gap, points"


def test_gap_and_validation_stand_at_the_right_and_the_best_on_top(toy_report: Report) -> None:
    axes, lines = gather_parallel_coordinates(toy_report)
    assert [axis.title for axis in axes][-2:] == ["gap, points", "validation, %"]
    assert lines[-1].number == toy_report.ranking.rows[0].number
    assert all(len(line.heights) == len(axes) for line in lines)


def test_lines_of_one_tier_are_one_trace(toy_report: Report) -> None:
    axes, lines = gather_parallel_coordinates(toy_report)
    figure = draw_parallel_coordinates(axes, lines)
    assert [trace.name for trace in figure.data] == ["tier 4", "tier 2", "tier 1", "picked"]
    leading = figure.data[2]
    assert leading.x.count(None) == len([line for line in lines if line.tier == 1])
    assert leading.customdata[-1] == toy_report.ranking.rows[0].number


def test_of_many_trials_only_the_lines_are_drawn(toy_report: Report) -> None:
    axes, lines = gather_parallel_coordinates(toy_report)
    assert {trace.mode for trace in draw_parallel_coordinates(axes, lines).data[:-1]} == {"lines+markers"}
    assert {trace.mode for trace in draw_parallel_coordinates(axes, lines * 6).data[:-1]} == {"lines"}


def test_titles_and_labels_are_escaped() -> None:
    axis = Axis(title="<b>", ticks=((0.0, "</script>"),))
    texts = [note.text for note in draw_parallel_coordinates([axis], []).layout.annotations]
    assert texts == ["<b>&lt;b&gt;</b>", "&lt;/script&gt;"]
    assert Line.__slots__  # frozen and slotted, as every record
