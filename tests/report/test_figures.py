"""What figures show is tested where it is gathered; drawing is only looked over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from sweep.diagnosis.tiers import Tier
from sweep.records import StudyRecord, TrialRecord
from sweep.report.figures import (
    Curve,
    draw_curves,
    draw_gap_against_validation,
    gather_curve,
    gather_points,
)
from sweep.report.gather import Report, gather_report
from sweep.report.style import TRAIN, VALIDATION

StudyMaker = Callable[..., StudyRecord]
CURVE = Curve(
    title="Trial 3, rank 1",
    epochs=(1, 2, 3),
    accuracy=((60.0, 80.0, 90.0), (58.0, 70.0, 71.0)),
    cross_entropy=((1.2, 0.5, 0.2), (1.3, 0.9, 1.0)),
    kept=2,
)


def test_a_curve_has_both_sides_and_the_epoch_kept(toy_report: Report) -> None:
    row = toy_report.ranking.baseline
    assert row is not None
    curve = gather_curve(toy_report, row)
    assert curve.title == "Your configuration, rank 26"
    assert curve.epochs == tuple(range(1, 11))
    assert curve.kept == row.measurement.selected_epoch
    assert curve.accuracy[0][-1] == pytest.approx(100 * row.measurement.epochs[-1].train_accuracy, abs=0.01)
    assert curve.cross_entropy[1][0] == pytest.approx(row.measurement.epochs[0].validation_cross_entropy, abs=1e-4)


def test_points_carry_their_intervals(toy_report: Report) -> None:
    found = {point.number: point for point in gather_points(toy_report)}
    assert len(found) == 37
    best = toy_report.rows[0]
    point = found[best.number]
    assert point.tier is Tier.LEADING
    # One point lost on validation is one point of gap: both intervals are the same length, turned round.
    assert point.gap[2] - point.gap[1] == pytest.approx(point.validation[1] - point.validation[0])


def test_hover_texts_escape_settings(study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...]) -> None:
    hostile = replace(toy_trials[0], configuration={"weights": "</script><img src=x>"})
    report = gather_report(study_record(space={"weights": {}}), [hostile])
    assert "weights &lt;/script&gt;&lt;img src=x&gt;" in gather_points(report)[0].hover


def test_curves_are_drawn_column_by_column_three_traces_a_panel() -> None:
    figure = draw_curves([CURVE, CURVE])
    assert [trace.name for trace in figure.data] == ["train", "validation", "kept"] * 4
    assert [figure.data[at].yaxis for at in (0, 3, 6, 9)] == ["y", "y3", "y2", "y4"]
    assert (figure.data[0].line.color, figure.data[1].line.color) == (TRAIN, VALIDATION)
    assert figure.data[1].fill == "tonexty"  # the area between the two is the gap
    assert tuple(figure.data[2].x) == (2, 2)
    assert tuple(figure.data[5].y) == (0.5, 0.9)


def test_a_kept_epoch_that_was_not_recorded_has_no_dot() -> None:
    figure = draw_curves([replace(CURVE, kept=9)])
    assert len(figure.data[2].x) == 0


def test_intervals_are_slanted_and_the_named_trials_named(toy_report: Report) -> None:
    points = gather_points(toy_report)
    figure = draw_gap_against_validation(points, {0: "your configuration", 18: "rank 1: <b>"})
    lines, dots = figure.data[1], figure.data[2]
    first = next(point for point in points if point.tier is Tier.LEADING)
    assert lines.x[:2] == (first.validation[0], first.validation[2])
    assert lines.y[:2] == (first.gap[2], first.gap[0])
    assert dots.customdata[0] == first.number
    named = {note.text: (note.xanchor, note.ay < 0) for note in figure.layout.annotations}
    assert named == {"your configuration": ("left", True), "rank 1: &lt;b&gt;": ("right", False)}
    assert len(figure.data[-1].x) == 2


def test_the_pareto_front_has_a_halo_behind_all_points(toy_report: Report) -> None:
    points = gather_points(toy_report)
    front = [row for row in toy_report.ranking.rows if row.pareto]
    halo = draw_gap_against_validation(points, {}).data[0]
    assert front
    assert tuple(halo.x) == tuple(100 * row.validation.estimate for row in front)
    found = {point.number: point for point in points}
    assert "on the Pareto front" in found[front[0].number].hover
    assert sum("Pareto" in point.hover for point in points) == len(front)


def test_figures_of_nothing_are_empty_and_no_error() -> None:
    assert [len(trace.x) for trace in draw_gap_against_validation([], {}).data] == [0, 0]
