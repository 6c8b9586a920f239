"""Quantiles and tail probabilities against tables."""

from __future__ import annotations

import math

import pytest
from scipy.stats import binomtest

from sweep.diagnosis.quantiles import Alternative, even_odds, normal_quantile, student_quantile, student_tails


def test_quantiles_are_those_of_the_tables() -> None:
    assert normal_quantile(0.95) == pytest.approx(1.959964, abs=1e-6)
    assert normal_quantile(0.90) == pytest.approx(1.644854, abs=1e-6)
    assert student_quantile(0.95, 11) == pytest.approx(2.228, abs=1e-3)
    assert student_quantile(0.95, 2) == pytest.approx(12.706, abs=1e-3)
    assert math.isnan(student_quantile(0.95, 1))


def test_tails_are_what_lies_beyond_the_quantile_and_vanish_at_infinity() -> None:
    assert student_tails(-student_quantile(0.95, 11), 11) == pytest.approx(0.05, abs=1e-12)
    assert student_tails(math.inf, 5) == 0


def test_even_odds_are_counted() -> None:
    # Of the 8 outcomes of three throws one has no head, and three have one.
    assert even_odds(0, 3, "less") == pytest.approx(1 / 8)
    assert even_odds(1, 3, "less") == pytest.approx(4 / 8)
    assert even_odds(3, 3, "greater") == pytest.approx(1 / 8)
    assert even_odds(0, 3, "two-sided") == pytest.approx(2 / 8)


@pytest.mark.parametrize("alternative", ["two-sided", "less", "greater"])
def test_even_odds_are_those_of_scipys_binomial_test(alternative: Alternative) -> None:
    assert even_odds(0, 0, alternative) == 1
    for n in range(1, 30):
        for successes in range(n + 1):
            expected = binomtest(successes, n, 0.5, alternative=alternative).pvalue
            assert even_odds(successes, n, alternative) == pytest.approx(expected, rel=1e-12)
