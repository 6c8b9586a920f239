"""What a page of thousands of trials shows of them, at a size that can be counted by hand."""

from __future__ import annotations

import json
import re

import pytest

from sweep.report import thinning
from sweep.report.gather import Report
from sweep.report.page import render_page
from sweep.report.thinning import shown_rows, thinned_sentence


def test_few_trials_are_all_shown(toy_report: Report) -> None:
    assert shown_rows(toy_report) == toy_report.rows
    assert thinned_sentence(toy_report) == ""


def test_of_many_the_first_half_and_an_even_pick_are_shown(
    full_report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 37 rows ten: five, and of the 32 others one in seven, which are the ranks 6, 13, 20, 27 and 34."""
    monkeypatch.setattr(thinning, "MOST_SHOWN", 10)
    ranks = [row.rank for row in shown_rows(full_report)]
    picked = {1, 2, 3, 4, 5, 6, 13, 20, 27, 34}
    assert ranks == sorted(ranks)
    assert picked <= set(ranks)
    kept = {row.rank for row in full_report.rows if row.baseline or row.pareto or row.number in full_report.repeated}
    assert 26 in kept  # the baseline
    assert set(ranks) == picked | kept
    assert thinned_sentence(full_report) == (
        f"Of 37 trials the figures show {len(ranks)}: the first 5, one in 7 of the others, the baseline and the Pareto "
        "front. The table has them all."
    )


def test_figures_and_curves_show_the_same_trials_and_the_table_all(
    full_report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thinning, "MOST_SHOWN", 10)
    page, numbers = render_page(full_report), [row.number for row in shown_rows(full_report)]
    embedded = {
        name: json.loads(text)
        for name, text in re.findall(r'<script type="application/json" id="([\w-]+)">(.*?)</script>', page)
    }
    assert set(embedded["curve-data"]) == {str(number) for number in numbers}
    drawn = [trace["customdata"] for trace in embedded["figures"]["gap"]["data"] if "customdata" in trace]
    assert {number for trace in drawn for number in trace} == set(numbers)
    lines = [trace["customdata"] for trace in embedded["figures"]["parallel"]["data"] if "customdata" in trace]
    assert {number for trace in lines for number in trace if number is not None} == set(numbers)
    assert sorted(row[0] for row in embedded["trial-data"]["rows"]) == list(range(40))
    assert page.count("Of 37 trials the figures show") == 1
