"""Of thousands of rows the ones that the story needs."""

from __future__ import annotations

from dataclasses import replace

from sweep.diagnosis.tiers import Tier
from sweep.report.gather import Report
from sweep.report.leading_rows import difference, leading_rows


def test_tiers_show_their_first_rows_and_count_the_others(toy_report: Report) -> None:
    found = leading_rows(toy_report)
    assert [(one.tier, len(one.rows), one.hidden) for one in found] == [
        (Tier.LEADING, 10, 4), (Tier.BEHIND, 5, 14), (Tier.PRUNED, 2, 2)
    ]  # fmt: skip
    assert found[1].rows[-1].baseline, "the baseline is shown wherever it stands"


def test_another_order_is_one_block(toy_report: Report) -> None:
    (found,) = leading_rows(replace(toy_report, sort="gap"))
    assert found.tier is None
    assert len(found.rows) == 15 + (toy_report.ranking.baseline not in toy_report.rows[:15])
    assert leading_rows(replace(toy_report, rows=(), sort="gap")) == ()


def test_differences_are_from_the_baseline(toy_report: Report) -> None:
    baseline = toy_report.ranking.baseline
    assert baseline is not None
    assert difference(toy_report, baseline) == ()
    best = toy_report.rows[0]
    assert dict(difference(toy_report, best)) == {"dropout": "0.636", "head_width": "64", "l2": "0.0047"}
