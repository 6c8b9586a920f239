"""One row of the ranking as plain values."""

from __future__ import annotations

from sweep.report.gather import Report
from sweep.report.rows import flat_row, ranking_row


def test_a_row_nests_its_intervals_and_its_settings(toy_report: Report) -> None:
    row = toy_report.rows[0]
    nested = ranking_row(row, {"dropout": 0.5})
    assert nested["parameters"] == {"dropout": 0.5}
    assert nested["gap"] == {"estimate": row.gap.estimate, "low": row.gap.low, "high": row.gap.high, "level": 0.95}
    assert nested["tier"] == 1


def test_a_flat_row_has_single_columns() -> None:
    nested = {"rank": 1, "gap": {"estimate": 0.1, "low": 0.0, "high": 0.2, "level": 0.95}, "duplicates": [3, 4]}
    assert flat_row({**nested, "parameters": {"l2": 0.0}}) == {
        "rank": 1,
        "gap": 0.1,
        "gap_low": 0.0,
        "gap_high": 0.2,
        "duplicates": "3 4",
        "l2": 0.0,
    }
