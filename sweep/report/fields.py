"""Which swept fields have something to show: a field that is alike in every trial takes no axis, bar or column."""

from __future__ import annotations

from sweep.report.gather import Report
from sweep.report.wording import plain, setting

__all__ = ["alike_sentence", "varying_fields"]


def varying_fields(report: Report) -> tuple[str, ...]:
    """The swept fields of more than one value among the ranked trials, in the order of the definition.

    A field to which the space leaves one choice is none of them, whatever the baseline has. A ranking of one row has
    nothing to compare, so there it is every field.
    """
    free = tuple(name for name in report.swept if name not in report.fixed)
    rows = report.ranking.rows
    if len(rows) < 2:
        return free
    parameters = [report.parameters(row) for row in rows]
    return tuple(name for name in free if len({str(one[name]) for one in parameters}) > 1)


def alike_sentence(report: Report) -> str:
    """The fields left out and their value, the baseline's beside it where that differs; "" where none is."""
    best, baseline = report.ranking.best, report.ranking.baseline
    if best is None:
        return ""
    before = {} if baseline is None else report.parameters(baseline)
    values = {**report.parameters(best), **report.fixed}
    shown = varying_fields(report)
    left_out = []
    for name in (name for name in report.swept if name not in shown):
        value, own = setting(values[name]), setting(before.get(name, values[name]))
        left_out.append(f"{plain(name, 40)} {value}" + (f" ({report.baseline_name}: {own})" if own != value else ""))
    return f"Alike in every trial, so not shown: {', '.join(left_out)}." if left_out else ""
