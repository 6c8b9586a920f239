"""The waterfall as a plotly figure: bars that start where the one above them ended."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from sweep.report.gather import Report
from sweep.report.waterfall_drawing import draw_waterfall
from sweep.report.waterfall_figure import gather_waterfall


def test_each_bar_starts_where_the_one_above_it_ended(full_report: Report) -> None:
    rows = [full_report.ranking.rows[25], full_report.ranking.rows[0]]
    figure = draw_waterfall(gather_waterfall(full_report, rows, "accuracy"))
    baseline, best = figure.data
    assert list(baseline.y) == ["reported gap", "epoch lag", "dropout", "clean gap"]
    ends = [start + length for start, length in zip(baseline.base, baseline.x, strict=True)]
    assert list(baseline.base[1:]) == pytest.approx([0.0, *ends[1:-1]])
    fall = full_report.waterfall(rows[0])
    assert baseline.x[0] == pytest.approx(100 * fall.reported_gap)
    assert ends[-1] == pytest.approx(100 * fall.reported_gap)
    assert baseline.error_x.array[0] == 0.0, "what is exact has no whisker"
    assert baseline.error_x.array[3] == pytest.approx(100 * (rows[0].gap.high - rows[0].gap.estimate))
    assert best.text[3] == "6.7 [3.9, 10.0]"
    assert [one.text for one in figure.layout.annotations][:2] == ["Your configuration", "Trial 18"]


def test_cross_entropy_is_in_nats(full_report: Report) -> None:
    figure = draw_waterfall(gather_waterfall(full_report, [full_report.ranking.rows[0]], "cross_entropy"))
    assert figure.layout.xaxis.title.text == "gap, nats"
    assert abs(figure.data[0].x[0]) < 5


def test_what_is_not_finite_has_no_bar(full_report: Report) -> None:
    row = full_report.ranking.rows[0]
    endless = replace(row, measurement=replace(row.measurement, logged_train_loss=math.inf))
    figure = draw_waterfall(gather_waterfall(full_report, [endless], "cross_entropy"))
    assert len(figure.data[0].y) == 0
    assert all(math.isfinite(end) for end in figure.layout.xaxis.range)
