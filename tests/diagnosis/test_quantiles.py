"""Quantiles and tail probabilities against tables."""

from __future__ import annotations

import math

import pytest

from sweep.diagnosis.quantiles import even_odds, normal_quantile, student_quantile


def test_quantiles_are_those_of_the_tables() -> None:
    assert normal_quantile(0.95) == pytest.approx(1.959964, abs=1e-6)
    assert normal_quantile(0.90) == pytest.approx(1.644854, abs=1e-6)
    assert student_quantile(0.95, 11) == pytest.approx(2.228, abs=1e-3)
    assert student_quantile(0.95, 2) == pytest.approx(12.706, abs=1e-3)
    assert math.isnan(student_quantile(0.95, 1))


def test_even_odds_are_counted() -> None:
    # Of the 8 outcomes of three throws one has no head, and three have one.
    assert even_odds(0, 3, "less") == pytest.approx(1 / 8)
    assert even_odds(1, 3, "less") == pytest.approx(4 / 8)
    assert even_odds(3, 3, "greater") == pytest.approx(1 / 8)
    assert even_odds(0, 3, "two-sided") == pytest.approx(2 / 8)
