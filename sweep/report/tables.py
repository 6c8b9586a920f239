"""The ranking for machines and documents: rows are made once and written as JSON, CSV or Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Literal, get_args

from sweep.diagnosis.ranking import SORT_NOTES, RankedTrial
from sweep.report.document import render_json
from sweep.report.gather import Report
from sweep.report.rows import flat_row, report_row
from sweep.report.sentences import (
    EXPLANATIONS,
    diagnosis_sentences,
    explained,
    opening_sentence,
    optimism_sentence,
    repeats_sentence,
    rivals_sentence,
)
from sweep.report.wording import bounds, nats, percent, plain, setting, with_bounds

__all__ = ["TableFormat", "render_table"]

TableFormat = Literal["json", "csv", "markdown"]


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
        return render_json(report, rows)
    return _csv(report, rows) if form == "csv" else _markdown(report, rows)


def _csv(report: Report, rows: Sequence[RankedTrial]) -> str:
    flat = [flat_row(report_row(report, row)) for row in rows]
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(flat[0]) if flat else ["rank"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return text.getvalue()


def _markdown(report: Report, rows: Sequence[RankedTrial]) -> str:
    balanced = ["balanced"] * report.unequal
    header = ["rank", "tier", "trial", "train", "validation", *balanced, "gap (points)", "J", "epoch", "s"]
    header += ["gap narrowed", "validation gained"] * bool(report.ranking.changes)
    header += report.swept
    lines = [_line(header), "|" + "---|" * len(header)]
    for row in rows:
        measured = row.measurement
        cells = [
            f"{row.rank}{' =' if row.tied else ''}",
            str(int(row.tier)),
            f"{row.number}{' ◇' if row.pareto else ''}{' (baseline)' if row.baseline else ''}",
            percent(measured.train_accuracy),
            f"{percent(row.validation.estimate)} {bounds(row.validation)}",
            *(["–" if row.balanced is None else with_bounds(row.balanced)] * report.unequal),
            with_bounds(row.gap),
            nats(row.trial.objective),
            f"{measured.selected_epoch}/{measured.epochs_run}",
            f"{measured.seconds:.1f}",
            *_changed(report, row),
            *(setting(value) for value in report.parameters(row).values()),
        ]
        lines.append(_line(cells))
    return "\n".join([*_verdict(report), *lines, *(f"\n{plain(note)}" for note in _notes(report) if note)]) + "\n"


def _changed(report: Report, row: RankedTrial) -> list[str]:
    """What a row did against the baseline, in points; nothing at all where no row can be compared with one."""
    changes = report.ranking.changes
    if row.number in changes:
        return [with_bounds(changes[row.number].gap_narrowed), with_bounds(changes[row.number].accuracy_gained)]
    return ["–", "–"] * bool(changes)


def _verdict(report: Report) -> Iterator[str]:
    """The verdict in a paragraph above the table, what its sentence quotes of names being no markup."""
    sentence, more = diagnosis_sentences(report)
    yield f"{_escaped(sentence)} ({_escaped(more)})"
    yield ""


def _notes(report: Report) -> Iterator[str]:
    yield report.sentence
    yield SORT_NOTES[report.sort]
    yield f"{optimism_sentence(report)} {rivals_sentence(report)}".strip()
    yield repeats_sentence(report)
    yield from (opening_sentence(report, opening) for opening in report.openings)
    yield from report.ranking.notes
    if any(row.pareto for row in report.rows):
        yield f"◇ {EXPLANATIONS['pareto']}"
    if report.unequal:
        yield explained("balanced", "balanced")


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(_escaped, cells)) + " |"


def _escaped(cell: str) -> str:
    """Names in it make neither a cell nor an element nor a link."""
    return cell.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("](", "]\\(")
