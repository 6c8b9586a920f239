"""Where bars stand, worked out by hand."""

from __future__ import annotations

import pytest

from sweep.report.bars import accuracy_bars, accuracy_scale, even_marks
from sweep.report.gather import Report


def test_marks_are_round_and_pass_through_zero() -> None:
    assert even_marks(-5.6, 16.0) == (-5.0, 0.0, 5.0, 10.0, 15.0)
    assert even_marks(-0.3, 1.1, most=5) == (0.0, 0.5, 1.0)
    assert even_marks(0.0, 0.024, most=5) == pytest.approx((0.0, 0.005, 0.01, 0.015, 0.02))


def test_marks_need_some_width() -> None:
    with pytest.raises(ValueError, match="expected bounds in ascending order, got 2 and 2"):
        even_marks(2, 2)


def test_all_bars_share_one_scale(toy_report: Report) -> None:
    # The lowest bound of the toys is 72.8 %, so the scale runs from 70 to 100 %.
    assert accuracy_scale(toy_report.rows) == (70, 80, 90, 100)
    best = toy_report.rows[0]
    bar = accuracy_bars(toy_report.rows)[best.number]
    assert bar.validation == pytest.approx((100 * best.validation.estimate - 70) / 0.3, abs=0.01)
    assert bar.gap_start == bar.validation
    assert bar.gap_width == pytest.approx(bar.train - bar.validation, abs=0.01)


def test_without_trials_the_scale_is_whole() -> None:
    assert accuracy_scale([]) == (0, 20, 40, 60, 80, 100)
    assert accuracy_bars([]) == {}
