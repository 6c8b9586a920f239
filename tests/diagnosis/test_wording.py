"""Numbers as the sentences of a diagnosis show them."""

from __future__ import annotations

import pytest

from sweep.diagnosis.wording import bounds, class_text, listed_classes, numbered, p_text, percent, size
from sweep.records import Interval


def test_shares_are_percentages_and_differences_points() -> None:
    assert percent(0.748) == "74.8 %"
    assert bounds(-0.0151, 0.156) == "[−1.5, 15.6]"
    assert bounds(-0.0001, 0.0) == "[0.0, 0.0]"


def test_the_size_of_a_loss_is_written_like_that_of_a_gain() -> None:
    assert size(Interval(estimate=0.121, low=0.08, high=0.162)) == "12.1 points [8.0, 16.2]"
    assert size(Interval(estimate=-0.121, low=-0.162, high=0.01)) == "12.1 points [−1.0, 16.2]"


@pytest.mark.parametrize(
    ("p", "text"), [(0.0, "p < 0.001"), (0.0042, "p = 0.004"), (0.25, "p = 0.25"), (1.0, "p = 1.00")]
)
def test_p_values(p: float, text: str) -> None:
    assert p_text(p) == text


def test_trials_by_number() -> None:
    assert numbered([7]) == "trial 7"
    assert numbered([7, 3]) == "trials 7 and 3"
    assert numbered([7, 3, 12]) == "trials 7, 3 and 12"


def test_classes_have_names_in_quotes_and_numbers_where_there_are_none() -> None:
    assert class_text(1, ("cat", "dog")) == '"dog"'
    assert class_text(1) == "1"
    assert class_text(0, ("x" * 60,)) == f'"{"x" * 60}"'
    assert class_text(0, ("x" * 61,)) == f'"{"x" * 59}…"'
    assert listed_classes([0, 2, 1], ("cat", "dog", "<b>")) == '"cat", "<b>" and "dog"'
    assert listed_classes([4]) == "4"
