"""Finalists over their repetitions."""

from __future__ import annotations

import math

import pytest

from sweep.records import Interval
from sweep.report.gather import Report
from sweep.report.repeat_figure import Finalist, draw_repeats, gather_finalists

MEAN = Interval(estimate=0.07, low=0.05, high=0.09)
FINALIST = Finalist(
    number=3,
    name="trial <3>",
    repeats=2,
    gap=MEAN,
    validation=Interval(estimate=0.8, low=0.7, high=0.9),
    gaps=(0.06, 0.08),
    validations=(0.78, 0.82),
)


def test_finalists_stand_in_the_order_of_the_ranking_with_their_repetitions(full_report: Report) -> None:
    found = gather_finalists(full_report)
    best = [row.number for row in full_report.ranking.rows[:3]]
    assert [one.number for one in found] == [*best, 0]
    assert found[-1].name == "your configuration"
    for one in found:
        assert len(one.gaps) == len(one.validations) == one.repeats == 5
        assert sum(one.gaps) / 5 == pytest.approx(one.gap.estimate)


def test_means_have_whiskers_and_single_repetitions_stand_below_them() -> None:
    figure = draw_repeats([FINALIST, FINALIST])
    singles, means = figure.data[:2]
    assert [trace.name for trace in figure.data] == ["single repetitions", "mean"] * 2
    assert tuple(singles.x) == pytest.approx((6.0, 8.0, 6.0, 8.0))
    assert tuple(means.y) == (2, 1)
    assert singles.y[0] < means.y[0]
    assert means.error_x.array == pytest.approx((2.0, 2.0))
    assert tuple(figure.layout.yaxis.ticktext) == ("trial &lt;3&gt;",) * 2


def test_a_single_repetition_has_no_whisker() -> None:
    unknown = Interval(estimate=0.07, low=-math.inf, high=math.inf)
    once = Finalist(number=3, name="trial 3", repeats=1, gap=unknown, validation=unknown, gaps=(), validations=())
    means = draw_repeats([once]).data[1]
    assert tuple(means.error_x.array) == (0.0,)
    assert means.text[0] == "<b>trial 3</b>, 1 repetition<br>gap 7.0 points"
