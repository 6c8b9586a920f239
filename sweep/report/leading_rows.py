"""Of the ranking the rows that the page's story needs; the table of every trial has the others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from sweep.diagnosis.ranking import RankedTrial
from sweep.diagnosis.tiers import Tier
from sweep.report.gather import Report
from sweep.report.wording import plain, setting

__all__ = ["TierRows", "difference", "leading_rows"]

_SHOWN = {Tier.LEADING: 10, Tier.BEHIND: 4, Tier.NOT_TRAINED: 2, Tier.PRUNED: 2}
_SHOWN_UNTIERED = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class TierRows:
    """The first rows of a tier, the baseline always among them; None for the tier where the order is another one.

    Attributes:
        hidden: how many more there are.
    """

    tier: Tier | None
    rows: tuple[RankedTrial, ...]
    hidden: int


def leading_rows(report: Report) -> tuple[TierRows, ...]:
    """By tier, or in one block where the report is sorted otherwise."""
    if report.sort != "tier":
        return tuple(_first(None, list(report.rows), _SHOWN_UNTIERED)) if report.rows else ()
    grouped = groupby(report.rows, key=lambda row: row.tier)
    return tuple(one for tier, rows in grouped for one in _first(tier, list(rows), _SHOWN[tier]))


def difference(report: Report, row: RankedTrial) -> tuple[tuple[str, str], ...]:
    """The fields in which a row differs from the baseline, and their values, as text that may be shown."""
    return tuple((plain(name, 40), setting(value)) for name, value in report.changed(row).items())


def _first(tier: Tier | None, rows: list[RankedTrial], number: int) -> Iterator[TierRows]:
    shown = tuple(row for place, row in enumerate(rows) if place < number or row.baseline)
    yield TierRows(tier=tier, rows=shown, hidden=len(rows) - len(shown))
