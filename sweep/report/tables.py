"""The ranking for machines and documents: rows are made once and written as JSON, CSV or Markdown."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from typing import Any, Literal, get_args

from sweep.diagnosis.comparison import Comparison
from sweep.diagnosis.ranking import SORT_NOTES, RankedTrial
from sweep.records import Split
from sweep.report.gather import Report
from sweep.report.rows import flat_row, interval_values, ranking_row
from sweep.report.wording import bounds, nats, percent, plain, points, setting

__all__ = ["JSON_SCHEMA", "JSON_VERSION", "TableFormat", "render_table"]

TableFormat = Literal["json", "csv", "markdown"]

JSON_SCHEMA = "sweep.report"
JSON_VERSION = 1
"""Grows when a field changes its meaning or disappears; new fields may come without it."""


def render_table(report: Report, form: TableFormat, *, top: int | None = None) -> str:
    """The ranking as text of that format, ending with a line break.

    Args:
        report: its rows in its order.
        form: "json" carries the whole report, "csv" and "markdown" the ranking.
        top: only the first rows.

    Raises:
        ValueError: there is no such format.
    """
    if form not in get_args(TableFormat):
        raise ValueError(f"no such format: {form!r}")
    rows = report.rows[:top]
    if form == "json":
        return _json(report, rows)
    return _csv(report, rows) if form == "csv" else _markdown(report, rows)


def _json(report: Report, rows: Sequence[RankedTrial]) -> str:
    study, data, ranking = report.study, report.study.data, report.ranking
    document = {
        "schema": JSON_SCHEMA,
        "version": JSON_VERSION,
        "study": {
            "name": study.name,
            "question": report.question,
            "created": study.created.isoformat(),
            "digest": study.digest,
            "versions": dict(study.versions),
            "trials": dict(report.states),
            "trials_wanted": report.wanted,
        },
        "data": {
            "source": data.source,
            "fingerprint": data.fingerprint,
            "classes": list(data.class_names),
            "images": {str(side): list(data.counts.get(side, ())) for side in Split},
            "groups": data.groups,
            "unreadable": [{"path": file.path, "reason": file.reason} for file in data.unreadable],
            "notes": list(data.notes),
        },
        "sentence": report.sentence,
        "comparison": _comparison(ranking.comparison),
        "base_rate": {
            "accuracy": ranking.base_rate.accuracy,
            "cross_entropy": ranking.base_rate.cross_entropy,
        },
        "sort": report.sort,
        "sort_note": SORT_NOTES[report.sort],
        "leader": ranking.leader,
        "ranking": [ranking_row(row, report.parameters(row)) for row in rows],
        "importances": {metric: dict(shares) for metric, shares in report.importances.items()},
        "importances_reason": report.importances_reason,
        "failures": [
            {"kind": group.kind, "reason": group.reason, "trials": list(group.numbers)} for group in report.failures
        ],
        "notes": list(ranking.notes),
    }
    text = json.dumps(_finite(document), ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    # A file name that is no valid UTF-8 holds lone surrogates: they cannot be printed, but escaped they are valid JSON.
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _csv(report: Report, rows: Sequence[RankedTrial]) -> str:
    flat = [flat_row(ranking_row(row, report.parameters(row))) for row in rows]
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(flat[0]) if flat else ["rank"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return text.getvalue()


def _markdown(report: Report, rows: Sequence[RankedTrial]) -> str:
    header = ["rank", "tier", "trial", "train", "validation", "gap (points)", "J", "epoch", "s", *report.swept]
    lines = [_line(header), "|" + "---|" * len(header)]
    for row in rows:
        measured = row.measurement
        cells = [
            f"{row.rank}{' =' if row.tied else ''}",
            str(int(row.tier)),
            f"{row.number}{' (baseline)' if row.baseline else ''}",
            percent(measured.train_accuracy),
            f"{percent(row.validation.estimate)} {bounds(row.validation)}",
            f"{points(row.gap.estimate)} {bounds(row.gap)}",
            nats(row.trial.objective),
            f"{measured.selected_epoch}/{measured.epochs_run}",
            f"{measured.seconds:.1f}",
            *(setting(value) for value in report.parameters(row).values()),
        ]
        lines.append(_line(cells))
    notes = [report.sentence, *([SORT_NOTES[report.sort]] if SORT_NOTES[report.sort] else [])]
    return "\n".join([*lines, "", *(plain(note) for note in notes)]) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(_escaped, cells)) + " |"


def _escaped(cell: str) -> str:
    return cell.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def _comparison(comparison: Comparison | None) -> dict[str, Any] | None:
    if comparison is None:
        return None
    return {
        "from": comparison.first,
        "to": comparison.second,
        "paired": comparison.paired,
        "gap_narrowed": interval_values(comparison.gap_narrowed),
        "accuracy_gained": interval_values(comparison.accuracy_gained),
        "cross_entropy_saved": interval_values(comparison.cross_entropy_saved),
    }


def _finite(value: object) -> object:
    """JSON knows no infinity and no NaN: they become null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
