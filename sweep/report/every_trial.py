"""Every trial of a study as a table that the page draws row by row: ten thousand of them are data, not elements."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sweep.diagnosis.ranking import RankedTrial
from sweep.records import Interval, Scalar, TrialRecord
from sweep.report.fields import varying_fields
from sweep.report.gather import Report
from sweep.report.wording import duration, plain, setting

__all__ = ["TrialColumn", "every_trial", "trial_columns"]

_DIGITS = 4  # of percentages: what is printed with one is never rounded twice
_REASON_LENGTH = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialColumn:
    """A column: its key in a filter ("gap<8"), its heading, and how its cells are written."""

    key: str
    title: str
    kind: str


def trial_columns(report: Report) -> tuple[TrialColumn, ...]:
    """The columns in their order; fields that are alike in every trial have none.

    A cell's value in `every_trial` is a number or None for "number", "percent" (in percent) and "nats"; estimate, low
    and high in percent or points for "interval"; what to sort by and what to show for "pair"; a text for "text".
    """
    shown = [("trial", "Trial", "trial"), ("state", "State", "text"), ("rank", "Rank", "number")]
    shown += [("tier", "Tier", "tier"), ("train", "Train, %", "percent"), ("validation", "Validation, %", "interval")]
    shown += [("balanced", "Balanced, %", "interval")] if report.unequal else []
    shown += [("gap", "Gap, points", "interval"), ("j", "J, nats", "nats"), ("epoch", "Epoch", "pair")]
    shown += [("time", "Time", "pair")]
    fields = [(name, plain(name, 40), "setting") for name in varying_fields(report)]
    return tuple(TrialColumn(key=key, title=title, kind=kind) for key, title, kind in (*shown, *fields))


def every_trial(report: Report) -> dict[str, Any]:
    """All trials in any state, by rank, then those without one by number; plain values that JSON can hold."""
    columns = trial_columns(report)
    ranked = {number: row for row in report.ranking.rows for number in (row.number, *row.duplicates)}
    last = len(ranked) + 1
    trials = sorted(
        report.trials, key=lambda one: (ranked[one.number].rank if one.number in ranked else last, one.number)
    )
    fields = [column.key for column in columns if column.kind == "setting"]
    return {
        "columns": [[column.key, column.title, column.kind] for column in columns],
        "rows": [[*_cells(report, trial, ranked.get(trial.number), fields), _note(report, trial)] for trial in trials],
    }


def _cells(report: Report, trial: TrialRecord, row: RankedTrial | None, fields: Sequence[str]) -> Iterator[object]:
    yield trial.number
    yield str(trial.state)
    yield from (None, None) if row is None else (row.rank, int(row.tier))
    yield None if row is None else _hundredfold(row.measurement.train_accuracy)
    yield None if row is None else _bounded(row.validation)
    if report.unequal:
        yield None if row is None else _bounded(row.balanced)
    yield None if row is None else _bounded(row.gap)
    objective = trial.objective if row is None else row.trial.objective
    yield None if objective is None or not math.isfinite(objective) else round(objective, 4)
    if row is None:
        yield from (None, None)
    else:
        measured = row.measurement
        yield [measured.selected_epoch, f"{measured.selected_epoch}/{measured.epochs_run}"]
        yield [round(measured.seconds, 2), duration(measured.seconds)]
    yield from (_setting(trial.configuration.get(name, trial.parameters.get(name))) for name in fields)


def _note(report: Report, trial: TrialRecord) -> str:
    """Whose configuration it is, of which trial it is a copy, or why it has no result."""
    if trial.failure is not None:
        return plain(trial.failure.reason, _REASON_LENGTH)
    if trial.duplicate_of is not None:
        return f"same as {trial.duplicate_of}"
    return report.baseline_name if trial.baseline else ""


def _setting(value: Scalar | None) -> str | int:
    return value if isinstance(value, int) and not isinstance(value, bool) else setting(value)


def _hundredfold(share: float) -> float | None:
    return round(100 * share, _DIGITS) if math.isfinite(share) else None


def _bounded(interval: Interval | None) -> list[float | None] | None:
    if interval is None:
        return None
    return [_hundredfold(value) for value in (interval.estimate, interval.low, interval.high)]
