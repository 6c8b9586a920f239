"""Of thousands of trials those that figures show: no browser moves ten thousand lines, and nobody reads them."""

from __future__ import annotations

from sweep.diagnosis.ranking import RankedTrial
from sweep.report.gather import Report

__all__ = ["MOST_SHOWN", "shown_rows", "thinned_sentence"]

MOST_SHOWN = 1000


def shown_rows(report: Report) -> tuple[RankedTrial, ...]:
    """All rows, in the report's order; of more than `MOST_SHOWN` the first half of that number and an even pick.

    The baseline, ranks 1 and 2, the finalists that were repeated and the Pareto front are always among them.
    """
    rows = report.rows
    if len(rows) <= MOST_SHOWN:
        return rows
    first = MOST_SHOWN // 2
    every = _every(len(rows))
    return tuple(
        row
        for place, row in enumerate(rows)
        if place < first or (place - first) % every == 0 or _stands_out(report, row)
    )


def thinned_sentence(report: Report) -> str:
    """Which trials are shown and where the others are; "" where all are shown."""
    total = len(report.rows)
    if total <= MOST_SHOWN:
        return ""
    return (
        f"Of {total:,} trials the figures show {len(shown_rows(report)):,}: the first {MOST_SHOWN // 2}, one in "
        f"{_every(total)} of the others, the baseline and the Pareto front. The table has them all."
    )


def _stands_out(report: Report, row: RankedTrial) -> bool:
    return row.baseline or row.rank <= 2 or row.pareto or row.number in report.repeated


def _every(total: int) -> int:
    """One of how many rows behind the first half is shown."""
    left = MOST_SHOWN - MOST_SHOWN // 2
    return -(-(total - MOST_SHOWN // 2) // left)
